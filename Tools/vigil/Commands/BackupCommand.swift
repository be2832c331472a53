import ArgumentParser
import Vigil

struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Copy the whole store, as of now, into one verified file.",
        discussion: """
            Works beside a process that writes: the file has everything that was acknowledged before, at one revision, \
            with its retained history. In a directory it is named by store and revision. `restore` makes a store of it.
            """)

    @OptionGroup var arguments: StoreArguments
    @Argument(help: "A file that does not exist yet, or a directory.") var path: String
    @Flag(help: "Write what keys hold as it is.") var uncompressed = false

    func run() async throws {
        var options = BackupOptions()
        options.compresses = !uncompressed
        let progress = Progress("backed up", unit: "entries")
        let report = try await arguments.withStore(.readOnly) { store in
            try await store.backup(to: path, options: options) { progress.report($0, $1) }
        }
        report.show("backed up as", report.path, asJSON: arguments.json)
    }
}

extension BackupReport {
    /// Prints what was made, and where.
    func show(_ verb: String, _ place: String, asJSON: Bool) {
        if asJSON {
            var json = JSONObject()
            json.add("path", place)
            json.add("head", head)
            json.add("earliest", earliest)
            json.add("revisions", revisions)
            json.add("keys", keys)
            json.add("bytes", bytes)
            json.add("time_ms", milliseconds)
            json.add("store_id", String(storeID, radix: 16))
            json.add("grown_bytes", grownBytes)
            Output.standard.line(json)
        } else {
            Output.standard.line(
                "\(verb) \(place): revisions \(earliest) to \(head), \(keys) keys, \(Text.size(bytes))")
        }
    }
}
