import Foundation
import Vigil

/// The demo's input: what the package manager of this machine has done, as it wrote it down.
///
///     packages/NAME:ARCH/status      every state that the log names; deleted when the package is gone
///     packages/NAME:ARCH/version     the version, with each installation and upgrade
///     packages/NAME:ARCH/about       section, size and description, from the database of what is installed
///     last                           the action logged last
struct PackageHistory {
    /// One revision each, oldest first.
    private(set) var transactions: [Transaction] = []
    /// Where they come from, for people.
    private(set) var sources: [String] = []

    private static let logs = "/var/log"
    private static let database = "/var/lib/dpkg/status"
    private static let files = "/usr/share"
    /// With fewer changes there would be nothing to see.
    private static let enough = 3000

    /// Reads what there is, at most `limit` revisions.
    init(limit: Int?) {
        for name in Self.logNames() { readLog("\(Self.logs)/\(name)") }
        readDatabase()
        // A machine made from an image may have no log, or a short one.
        if transactions.count < Self.enough { readFiles() }
        if let limit { transactions = Array(transactions.prefix(limit)) }
    }

    /// The logs that are not compressed, oldest first.
    private static func logNames() -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: logs)) ?? []
        return names.filter { $0.hasPrefix("dpkg.log") && !$0.hasSuffix(".gz") }.sorted(by: >)
    }

    // MARK: The log

    private mutating func readLog(_ path: String) {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8), !text.isEmpty else { return }
        let before = transactions.count
        for line in text.split(separator: "\n") { readLine(line.split(separator: " ").map(String.init)) }
        sources.append("\(path): \(transactions.count - before) changes")
    }

    /// `2025-06-24 14:36:25 status installed libc6:amd64 2.36-9`, or `… install NAME OLD NEW`, or `… startup WHAT`.
    private mutating func readLine(_ words: [String]) {
        guard words.count >= 4 else { return }
        let time = "\(words[0]) \(words[1])"
        let last = json(["at": time, "action": words[2], "of": words[3]])
        switch words[2] {
        case "status" where words.count >= 6:
            let key = Bytes("packages/\(words[4])/status")
            if words[3] == "not-installed" {
                add([.delete(key)])
            } else {
                add([.put(key, json(["at": time, "state": words[3], "version": words[5]]))])
            }
        case "install" where words.count >= 6, "upgrade" where words.count >= 6:
            let value = json(["at": time, "before": words[4], "version": words[5]])
            add([.put(Bytes("packages/\(words[3])/version"), value), .put("last", last)])
        default:
            add([.put("last", last)])
        }
    }

    // MARK: The database

    private mutating func readDatabase() {
        guard let text = try? String(contentsOfFile: Self.database, encoding: .utf8) else { return }
        let before = transactions.count
        var fields: [String: String] = [:]
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.isEmpty {
                addPackage(fields)
                fields = [:]
            } else if let colon = line.firstIndex(of: ":"), line.first != " " {
                fields[String(line[..<colon])] =
                    line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            }
        }
        addPackage(fields)
        sources.append("\(Self.database): \(transactions.count - before) packages")
    }

    private mutating func addPackage(_ fields: [String: String]) {
        guard let name = fields["Package"], let architecture = fields["Architecture"] else { return }
        let wanted = ["Section", "Priority", "Installed-Size", "Version", "Maintainer", "Description", "Homepage"]
        add([
            .put(
                Bytes("packages/\(name):\(architecture)/about"),
                json(fields.filter { wanted.contains($0.key) }))
        ])
    }

    // MARK: Files, where there is no package manager

    private mutating func readFiles() {
        let before = transactions.count
        guard let names = FileManager.default.enumerator(atPath: Self.files) else { return }
        while transactions.count < Self.enough, let name = names.nextObject() as? String {
            guard let attributes = names.fileAttributes, attributes[.type] as? FileAttributeType == .typeRegular,
                name.utf8.count < 400
            else { continue }
            let size = (attributes[.size] as? NSNumber)?.intValue ?? 0
            let time = (attributes[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
            add([.put(Bytes("files/\(name)"), json(["bytes": String(size), "modified": String(Int(time))]))])
        }
        sources.append("\(Self.files): \(transactions.count - before) files, since there was little else")
    }

    // MARK: Parts

    private mutating func add(_ operations: [Transaction.Operation]) {
        transactions.append(Transaction(then: operations))
    }

    private func json(_ fields: [String: String]) -> Bytes {
        var object = JSONObject()
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) { object.add(name.lowercased(), value) }
        return Bytes(object.utf8)
    }
}
