import ArgumentParser
import Vigil

struct ShrinkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shrink", abstract: "Give the space that the store does not use any more back to the file system.",
        discussion: """
            Writes a copy of the data without free pages, which needs as much room as the store has content, and puts it \
            in its place. No other process may have the store open. `vigil stat` says how much it would give back.
            """)

    @OptionGroup var arguments: StoreArguments

    func run() async throws {
        let (before, after) = try await arguments.withStore(.readWrite, creates: false) { store in
            if Output.isInteractive {
                let statistics = try await store.statistics()
                Output.error("copying \(Text.size(statistics.fileBytes - statistics.freeBytes))")
            }
            return try await store.shrink()
        }
        if arguments.json {
            var json = JSONObject()
            json.add("bytes_before", before)
            json.add("bytes_after", after)
            Output.standard.line(json)
        } else {
            Output.standard.line("shrunk from \(Text.size(before)) to \(Text.size(after))")
        }
    }
}
