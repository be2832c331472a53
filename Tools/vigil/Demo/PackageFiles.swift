import ChildProcess
import Foundation

/// The files in which a package manager of Debian's kind keeps what it has done and what is installed.
enum PackageFiles {
    static let database = "/var/lib/dpkg/status"
    private static let logs = "/var/log"

    /// The log and those before it, oldest first.
    static var actionLogs: [String] { rotations(of: "dpkg.log", in: logs) }
    /// What was asked of the package manager, oldest first.
    static var runLogs: [String] { rotations(of: "history.log", in: logs + "/apt") }

    /// `NAME`, `NAME.1`, `NAME.2.gz` and so on, the last one first.
    private static func rotations(of name: String, in directory: String) -> [String] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        let numbered = files.compactMap { file -> (number: Int, path: String)? in
            guard file.hasPrefix(name) else { return nil }
            let number = file.dropFirst(name.count).split(separator: ".").first.map { Int($0) } ?? 0
            return number.map { ($0, "\(directory)/\(file)") }
        }
        return numbered.sorted { $0.number > $1.number }.map(\.path)
    }

    /// The lines of a file, empty ones too; none if it cannot be read.
    static func lines(of path: String) async -> [String] {
        guard !path.hasSuffix(".gz") else {
            guard let unpacking = try? ChildProcess("gzip", ["-dc", path], errors: "/dev/null") else { return [] }
            var lines: [String] = []
            for await line in unpacking.lines { lines.append(line) }
            return await unpacking.status() == 0 ? lines : []
        }
        guard let data = FileManager.default.contents(atPath: path) else { return [] }
        // Not every byte in a log has to be UTF-8.
        return String(decoding: data, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
            .map(String.init)
    }

    /// The stanzas of a file: `Name: value` lines, with an empty line after each stanza. Of a value that goes on in
    /// further lines only the first is kept.
    static func stanzas(of path: String) async -> [[String: String]] {
        var stanzas: [[String: String]] = []
        var fields: [String: String] = [:]
        for line in await lines(of: path) + [""] {
            if line.isEmpty {
                if !fields.isEmpty { stanzas.append(fields) }
                fields = [:]
            } else if let colon = line.firstIndex(of: ":"), line.first != " " {
                fields[String(line[..<colon])] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            }
        }
        return stanzas
    }
}
