import Foundation

/// Finds server programs: in the directories that `VIGIL_PEERS` names (separated by colons), on the PATH, and in
/// `/usr/sbin`, where Debian puts some of them.
enum Programs {
    /// All programs of that name with the version that each says it has, each version once.
    static func find(_ name: String) -> [(path: String, version: Version)] {
        var found: [(path: String, version: Version)] = []
        for path in paths(of: name) {
            guard let version = version(of: path), !found.contains(where: { $0.version == version }) else { continue }
            found.append((path, version))
        }
        return found
    }

    /// All programs of that name, the first of them first.
    static func paths(of name: String) -> [String] {
        let environment = ProcessInfo.processInfo.environment
        let lists = [environment["VIGIL_PEERS"], environment["PATH"], "/usr/sbin"].compactMap { $0 }
        return lists.flatMap { $0.split(separator: ":") }.map { "\($0)/\(name)" }
            .filter { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// What `--version` prints begins with the program's name and version, in one way or another.
    private static func version(of path: String) -> Version? {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = ["--version"]
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return Version(firstIn: text)
    }
}

/// Numbers between dots: 3.5.1.
struct Version: Comparable, CustomStringConvertible {
    let numbers: [Int]

    init(_ numbers: Int...) { self.numbers = numbers }

    /// The first word of numbers between dots, after `v`, `v=` or nothing.
    init?(firstIn text: String) {
        for word in text.split(whereSeparator: { $0.isWhitespace || $0 == "=" }) {
            let numbers = word.drop { $0 == "v" }.split(separator: ".", omittingEmptySubsequences: false).map {
                Int($0)
            }
            guard numbers.count > 1, !numbers.contains(nil) else { continue }
            self.numbers = numbers.compactMap { $0 }
            return
        }
        return nil
    }

    var description: String { numbers.map(String.init).joined(separator: ".") }

    static func < (left: Version, right: Version) -> Bool { left.numbers.lexicographicallyPrecedes(right.numbers) }
}
