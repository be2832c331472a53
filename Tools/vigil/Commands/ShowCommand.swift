import ArgumentParser
import Vigil

struct ShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "One revision: its changes, its time, and how it is stored.")

    @OptionGroup var arguments: StoreArguments
    @Argument(help: "The revision.") var revision: Revision

    func validate() throws {
        if revision < 1 { throw ValidationError("the first revision is 1, not \(revision)") }
    }

    func run() async throws {
        let (update, block) = try await arguments.withStore(.readOnly) { try await $0.show(revision) }
        if arguments.json {
            var json = JSONObject()
            json.add("revision", update.revision)
            json.add("time_ms", update.commitMilliseconds)
            json.add("events", update.map { JSONObject($0) })
            json.add("block", Self.object(block))
            Output.standard.line(json)
            return
        }
        Output.standard.line("revision \(update.revision), committed \(Text.time(update.commitMilliseconds))")
        for event in update { Output.standard.line(Text.event(event)) }
        let place =
            block.place == .log ? "block \(block.firstRevision) of the log" : "a frame of the journal"
        Output.standard.line(
            "stored in \(place): revisions \(block.firstRevision) to \(block.lastRevision), codec \(block.codec), "
                + "\(Text.size(block.rawBytes)) raw, \(Text.size(block.storedBytes)) stored")
    }

    private static func object(_ block: StoredBlock) -> JSONObject {
        var json = JSONObject()
        json.add("place", block.place.rawValue)
        json.add("first_revision", block.firstRevision)
        json.add("revisions", block.recordCount)
        json.add("codec", "\(block.codec)")
        json.add("raw_bytes", block.rawBytes)
        json.add("stored_bytes", block.storedBytes)
        return json
    }
}
