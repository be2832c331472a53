import ArgumentParser
import Vigil

struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Make a new store of a backup.",
        discussion: """
            The directory must not exist, or be empty: nothing is overwritten. Everything is verified, as `check --deep` \
            does, before the directory gets its name. The store has the same revisions and history, and an id of its own.
            """)

    @OptionGroup var arguments: OutputArguments
    @Argument(help: "The file that `backup` wrote, or `etcdctl snapshot save`.") var file: String
    @Argument(help: "The new store's directory; with --verify none.") var directory: String?
    @Flag(help: "Only verify the file.") var verify = false

    func validate() throws {
        if verify, directory != nil { throw ValidationError("--verify makes no store: leave the directory out") }
        if !verify, directory == nil { throw ValidationError("the directory of the new store is missing") }
    }

    func run() async throws {
        let progress = Progress(verify ? "verified" : "restored", unit: "bytes")
        if let directory {
            let report = try await WatchStore.restore(from: file, to: directory) { progress.report($0, $1) }
            report.show("restored to", directory, asJSON: arguments.json)
        } else {
            let report = try await WatchStore.verify(backup: file) { progress.report($0, $1) }
            report.show("intact:", file, asJSON: arguments.json)
        }
    }
}
