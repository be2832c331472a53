import CLMDBFloor
import Foundation
import GRDB

/// What the figures were measured on, and with which versions.
struct Machine: Codable, Sendable {
    var date: String
    var processor: String
    var cores: Int
    var memoryGiB: Int
    var system: String
    var loadAtStart: String
    var versions: [String]
    var absent: [String]

    /// The script that starts the program says what only it can know.
    init() {
        let environment = ProcessInfo.processInfo.environment
        date = Date().formatted(.iso8601)
        processor = Self.value("model name", in: "/proc/cpuinfo", separator: ":") ?? "unknown processor"
        cores = ProcessInfo.processInfo.activeProcessorCount
        memoryGiB = Int((Double(ProcessInfo.processInfo.physicalMemory) / Double(1 << 30)).rounded())
        let release = Self.value("PRETTY_NAME", in: "/etc/os-release", separator: "=")
        var name = utsname()
        uname(&name)
        let kernel = withUnsafeBytes(of: name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        system = (release ?? ProcessInfo.processInfo.operatingSystemVersionString) + ", kernel " + kernel
        loadAtStart =
            (try? String(contentsOfFile: "/proc/loadavg", encoding: .utf8))
            .map { $0.split(separator: " ").prefix(1).joined() } ?? "unknown"
        let sqlite = try? DatabaseQueue().read { try String.fetchOne($0, sql: "SELECT sqlite_version()") }
        var (major, minor, patch): (Int32, Int32, Int32) = (0, 0, 0)
        _ = mdb_version(&major, &minor, &patch)
        versions =
            [environment["COMPARE_VIGIL"], environment["COMPARE_SWIFT"]].compactMap { $0 }
            + ["SQLite \(sqlite ?? "?")", "LMDB \(major).\(minor).\(patch)"]
            + Self.packages(environment["COMPARE_RESOLVED"])
            + storeSystems().filter { $0 is PeerSystem && !$0.name.hasPrefix("Vigil") }.map(\.name)
        absent = absentPeers()
    }

    /// The value of the first line of a file that begins with `name`.
    private static func value(_ name: String, in file: String, separator: Character) -> String? {
        let text = try? String(contentsOfFile: file, encoding: .utf8)
        let line = text?.split(separator: "\n").first { $0.hasPrefix(name) }
        return line?.split(separator: separator, maxSplits: 1).last?
            .trimmingCharacters(in: CharacterSet(charactersIn: " \t\""))
    }

    /// The versions of the packages compared with, from the file in which the build notes them.
    private static func packages(_ resolved: String?) -> [String] {
        struct Pin: Decodable {
            struct State: Decodable { var version: String? }
            var identity: String
            var state: State
        }
        struct Resolved: Decodable { var pins: [Pin] }
        guard let resolved, let data = FileManager.default.contents(atPath: resolved),
            let pins = try? JSONDecoder().decode(Resolved.self, from: data).pins
        else { return [] }
        return pins.filter { ["grdb.swift", "swift-async-algorithms", "swift-collections"].contains($0.identity) }
            .map { "\($0.identity == "grdb.swift" ? "GRDB" : $0.identity) \($0.state.version ?? "?")" }
    }
}
