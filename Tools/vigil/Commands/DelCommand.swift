import ArgumentParser
import Vigil

struct DelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "del", abstract: "Delete a key, or all with a prefix as one revision.",
        discussion: "Exits with 1, printing nothing, if there was nothing to delete.")

    @OptionGroup var arguments: StoreArguments
    @Argument var key: String
    @Flag(help: "Delete every key that begins with KEY.") var prefix = false

    func run() async throws {
        let keys: KeyRange = prefix ? .prefix(Bytes(argument: key)) : .key(Bytes(argument: key))
        let result = try await arguments.withStore(.readWrite, creates: false) { store in
            prefix ? try await store.deleteRange(keys) : try await store.delete(Bytes(argument: key))
        }
        guard let revision = result.revision else { throw NotThere() }
        if arguments.json {
            var json = JSONObject()
            json.add("revision", revision)
            json.add("deleted", result.deleted)
            Output.standard.line(json)
        } else {
            Output.standard.line("revision \(revision), deleted \(result.deleted)")
        }
    }
}
