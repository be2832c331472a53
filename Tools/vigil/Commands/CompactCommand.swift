import ArgumentParser
import Vigil

struct CompactCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compact", abstract: "Forget the history before a revision, which stays readable itself.")

    @OptionGroup var arguments: StoreArguments
    @Argument(help: "The first revision to keep.") var revision: Revision
    @Flag(help: "Also forget what a cursor holds.") var force = false

    func validate() throws {
        if revision < 1 { throw ValidationError("the first revision is 1, not \(revision)") }
    }

    func run() async throws {
        try await arguments.withStore(.readWrite, creates: false) {
            try await $0.compact(through: revision, overridesCursors: force)
        }
        if arguments.json {
            var json = JSONObject()
            json.add("compacted", revision)
            Output.standard.line(json)
        } else {
            Output.standard.line("compacted; the earliest revision is \(revision)")
        }
    }
}
