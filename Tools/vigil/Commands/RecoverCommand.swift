import ArgumentParser
import Foundation
import Vigil

struct RecoverCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recover", abstract: "Make a new store of what is intact of a damaged one.",
        discussion: """
            The damaged store is only read. The new one has a run of revisions without a hole, the newest; all of it can \
            be watched, and read where the values of the keys are known; nothing is guessed. What is lost is named, and \
            what is intact and not in the new store is written to --salvage, as JSON lines that `import` takes.

            Exits with 0 if there is a new store, whatever it lacks (see "complete" of --json); with 3 if none can be made.
            """)

    @OptionGroup var arguments: OutputArguments
    @Argument(help: "The damaged store's directory.") var directory: String
    @Argument(help: "The new store's directory, which must not exist or be empty.") var newDirectory: String
    @Option(help: ArgumentHelp("Where to write revisions that are intact and not in the new store.", valueName: "file"))
    var salvage: String?

    func run() async throws {
        let progress = Progress("recovered", unit: "revisions")
        let file = try salvage.map { try SalvageFile($0) }
        let report: RecoveryReport
        do {
            report = try await WatchStore.recover(directory, to: newDirectory, apart: file.map { $0.write }) {
                progress.report($0, $1)
            }
        } catch {
            // Also without a new store the file has what there is.
            try file?.close()
            if file?.isEmpty == true, let salvage { unlink(salvage) }
            throw error
        }
        try file?.close()
        if arguments.json {
            Output.standard.line(object(report))
        } else {
            show(report)
        }
    }

    private func show(_ report: RecoveryReport) {
        for damage in report.damage { Output.standard.line("damaged: \(damage)") }
        if !report.lost.isEmpty { Output.standard.line("lost: \(Self.text(report.lost))") }
        if !report.apart.isEmpty {
            let place = salvage.map { "written to \($0)" } ?? "not in the new store; --salvage would write them"
            Output.standard.line("intact apart: \(Self.text(report.apart)), \(place)")
        }
        if let rebuilt = report.rebuilt {
            Output.standard.line("rebuilt: revision \(rebuilt), from what the keys hold; its order and time are lost")
        }
        for key in report.unreadableKeys {
            Output.standard.line("lost before its first change: the value of key \(Text.inline(key))")
        }
        if report.unreadableKeyCount > 0 {
            let more = report.unreadableKeyCount - report.unreadableKeys.count
            if more > 0 { Output.standard.line("… and of \(more) more") }
            Output.standard.line("from revision \(report.readableFrom) on everything can be read; before, only watched")
        }
        for key in report.doubtfulKeys { Output.standard.line("value not known: key \(Text.inline(key))") }
        if report.doubtfulKeyCount > report.doubtfulKeys.count { Output.standard.line("… and more") }
        if report.missingKeys > 0 { Output.standard.line("keys missing: \(report.missingKeys)") }
        for cursor in report.changedCursors {
            Output.standard.line("cursor \(cursor.name): \(Self.text(cursor.fate))")
        }
        if report.mayLackCursors { Output.standard.line("cursors may be missing") }
        showLeases(report)
        showProperties(report)
        Output.standard.line(
            "\(report.isComplete ? "complete" : "not complete"): \(newDirectory) has revisions \(report.kept.lowerBound) to "
                + "\(report.kept.upperBound), \(report.keys) keys")
    }

    private func showLeases(_ report: RecoveryReport) {
        for orphaned in report.orphanedKeys {
            Output.standard.line(
                "lease \(orphaned.lease): lost; \(orphaned.keys) keys stay until they are deleted, or it is granted again"
            )
        }
        if report.olderLeases > 0 {
            Output.standard.line("leases of before the damage, perhaps revoked since: \(report.olderLeases)")
        }
        if report.mayLackLeases { Output.standard.line("leases may be missing") }
        if report.leases + report.lostLeases > 0 {
            Output.standard.line("leases: \(report.leases) kept, \(report.lostLeases) lost")
        }
    }

    private func showProperties(_ report: RecoveryReport) {
        for property in report.changedProperties {
            let fate = property.fate == .lost ? "lost" : "as an earlier entry has it"
            Output.standard.line("property \(Text.inline(Bytes(property.name))): \(fate)")
        }
        if report.mayLackProperties { Output.standard.line("properties may be missing") }
        if report.properties + report.lostProperties > 0 {
            Output.standard.line("properties: \(report.properties) kept, \(report.lostProperties) lost")
        }
    }

    private static func text(_ ranges: [ClosedRange<Revision>]) -> String {
        "revisions "
            + ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound) to \($0.upperBound)" }
            .joined(separator: ", ")
    }

    private static func text(_ fate: RecoveryReport.CursorFate) -> String {
        switch fate {
        case .lost: "lost"
        case .older: "as an earlier acknowledgement left it; what it has handled since comes again"
        case .takenBack: "taken back to the newest revision"
        case .behind: "before the earliest revision; set it to use it"
        }
    }

    private static func object(_ key: Bytes) -> JSONObject {
        var json = JSONObject()
        json.add("key", key)
        return json
    }

    private func object(_ report: RecoveryReport) -> JSONObject {
        func objects(_ ranges: [ClosedRange<Revision>]) -> [JSONObject] {
            ranges.map { range in
                var json = JSONObject()
                json.add("from", range.lowerBound)
                json.add("to", range.upperBound)
                return json
            }
        }
        var json = JSONObject()
        json.add("complete", report.isComplete)
        json.add("earliest", report.kept.lowerBound)
        json.add("head", report.kept.upperBound)
        json.add("keys", report.keys)
        json.add("lost", objects(report.lost))
        json.add("apart", objects(report.apart))
        if let rebuilt = report.rebuilt { json.add("rebuilt", rebuilt) }
        json.add("readable_from", report.readableFrom)
        json.add("unreadable_keys", report.unreadableKeyCount)
        json.add("unreadable", report.unreadableKeys.map(Self.object))
        json.add("missing_keys", report.missingKeys)
        json.add("doubtful_keys", report.doubtfulKeyCount)
        json.add("doubtful", report.doubtfulKeys.map(Self.object))
        json.add("cursors", report.cursors)
        json.add(
            "changed_cursors",
            report.changedCursors.map { cursor in
                var json = JSONObject()
                json.add("name", cursor.name)
                json.add("fate", cursor.fate.rawValue)
                return json
            })
        json.add("may_lack_cursors", report.mayLackCursors)
        json.add("leases", report.leases)
        json.add("older_leases", report.olderLeases)
        json.add("lost_leases", report.lostLeases)
        json.add(
            "orphaned_keys",
            report.orphanedKeys.map { orphaned in
                var json = JSONObject()
                json.add("lease", orphaned.lease)
                json.add("keys", orphaned.keys)
                return json
            })
        json.add("may_lack_leases", report.mayLackLeases)
        json.add("properties", report.properties)
        json.add("lost_properties", report.lostProperties)
        json.add(
            "changed_properties",
            report.changedProperties.map { property in
                var json = JSONObject()
                json.add("name", property.name)
                json.add("fate", property.fate.rawValue)
                return json
            })
        json.add("may_lack_properties", report.mayLackProperties)
        json.add(
            "damage",
            report.damage.map { damage in
                var json = JSONObject()
                json.add("message", damage)
                return json
            })
        return json
    }
}

/// The file of what is intact and not in the new store. Written by one thread at a time, the one that recovers.
private final class SalvageFile: @unchecked Sendable {
    private let path: String
    private let handle: FileHandle
    private var buffer: [UInt8] = []
    private(set) var isEmpty = true

    /// Nothing is overwritten.
    init(_ path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw InputError("cannot create \(path): \(String(cString: strerror(errno)))") }
        self.path = path
        handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    func write(_ update: WatchUpdate) throws {
        isEmpty = false
        for event in update { buffer += JSONObject(exporting: event).utf8 + [UInt8(ascii: "\n")] }
        if buffer.count >= 64 << 10 { try drain() }
    }

    func close() throws {
        try drain()
        try handle.close()
    }

    private func drain() throws {
        do {
            try handle.write(contentsOf: buffer)
        } catch {
            throw StoreError(.io, "cannot write \(path): \(error.localizedDescription)")
        }
        buffer = []
    }
}
