import Foundation
import Vigil

/// The demo's input: what the package manager of this machine has done, as it wrote it down.
///
///     packages/NAME:ARCH/status      every state that the log names; deleted when the package is gone
///     packages/NAME:ARCH/version     the version, with each installation and upgrade; deleted with its removal
///     packages/NAME:ARCH/about       section, size and description, from the database of what is installed
///     runs/TIME                      what the package manager was asked for then
///     last                           the action logged last
struct PackageHistory {
    /// One revision each, oldest first.
    private(set) var transactions: [Transaction] = []
    /// Where they come from, for people.
    private(set) var sources: [String] = []

    private static let files = "/usr/share"
    /// With fewer changes there would be nothing to see.
    private static let enough = 3000
    /// Of a package or file, in bytes; longer ones are left out.
    private static let longestName = 400

    /// Reads what there is, at most `limit` revisions.
    init(limit: Int?) async {
        for path in PackageFiles.actionLogs {
            let lines = await PackageFiles.lines(of: path)
            read(path, "changes") { history in
                for line in lines { history.addAction(line.split(separator: " ").map(String.init)) }
            }
        }
        for path in PackageFiles.runLogs {
            let stanzas = await PackageFiles.stanzas(of: path)
            read(path, "runs") { history in for fields in stanzas { history.addRun(fields) } }
        }
        let stanzas = await PackageFiles.stanzas(of: PackageFiles.database)
        read(PackageFiles.database, "packages") { history in
            for fields in stanzas { history.addPackage(fields) }
        }
        // A machine made from an image may have no log, or a short one.
        if transactions.count < Self.enough {
            read(Self.files, "files, since there was little else") { $0.addFiles() }
        }
        if let limit { transactions = Array(transactions.prefix(limit)) }
    }

    /// Runs `body`, and notes how many transactions came from `path`.
    private mutating func read(_ path: String, _ what: String, _ body: (inout PackageHistory) -> Void) {
        let before = transactions.count
        body(&self)
        if transactions.count > before { sources.append("\(path): \(transactions.count - before) \(what)") }
    }

    /// `2025-06-24 14:36:25 status installed libc6:amd64 2.36-9`, or `… install NAME OLD NEW`, or `… startup WHAT`.
    private mutating func addAction(_ words: [String]) {
        guard words.count >= 4, words.allSatisfy({ $0.utf8.count <= Self.longestName }) else { return }
        let time = "\(words[0]) \(words[1])"
        let last = Transaction.Operation.put("last", json(["at": time, "action": words[2], "of": words[3]]))
        switch words[2] {
        case "status" where words.count >= 6:
            let package = "packages/\(words[4])/"
            let status = Bytes(package + "status")
            let state = json(["at": time, "state": words[3], "version": words[5]])
            switch words[3] {
            case "not-installed":
                add([.delete(status), .delete(Bytes(package + "version")), .delete(Bytes(package + "about")), last])
            case "config-files": add([.put(status, state), .delete(Bytes(package + "version"))])
            default: add([.put(status, state)])
            }
        case "install" where words.count >= 6, "upgrade" where words.count >= 6:
            let value = json(["at": time, "before": words[4], "version": words[5]])
            add([.put(Bytes("packages/\(words[3])/version"), value), last])
        default:
            add([last])
        }
    }

    private mutating func addRun(_ fields: [String: String]) {
        guard let start = fields["Start-Date"] else { return }
        let time = start.split(separator: " ").joined(separator: "T")
        guard time.utf8.count <= Self.longestName else { return }
        add([.put(Bytes("runs/\(time)"), json(fields))])
    }

    private mutating func addPackage(_ fields: [String: String]) {
        guard let name = fields["Package"], let architecture = fields["Architecture"],
            name.utf8.count + architecture.utf8.count <= Self.longestName
        else { return }
        let wanted = ["Section", "Priority", "Installed-Size", "Version", "Maintainer", "Description", "Homepage"]
        add([.put(Bytes("packages/\(name):\(architecture)/about"), json(fields.filter { wanted.contains($0.key) }))])
    }

    /// Names, sizes and times of files, where there is no package manager.
    private mutating func addFiles() {
        guard let names = FileManager.default.enumerator(atPath: Self.files) else { return }
        while transactions.count < Self.enough, let name = names.nextObject() as? String {
            guard let attributes = names.fileAttributes, attributes[.type] as? FileAttributeType == .typeRegular,
                name.utf8.count <= Self.longestName
            else { continue }
            let size = (attributes[.size] as? NSNumber)?.intValue ?? 0
            let time = (attributes[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
            add([.put(Bytes("files/\(name)"), json(["bytes": String(size), "modified": String(Int(time))]))])
        }
    }

    private mutating func add(_ operations: [Transaction.Operation]) {
        transactions.append(Transaction(then: operations))
    }

    private func json(_ fields: [String: String]) -> Bytes {
        var object = JSONObject()
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) { object.add(name.lowercased(), value) }
        return Bytes(object.utf8)
    }
}
