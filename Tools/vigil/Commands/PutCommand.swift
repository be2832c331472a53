import ArgumentParser
import Foundation
import Vigil

struct PutCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "put", abstract: "Put a value under a key, and print the revision that made.",
        discussion: """
            The value - stands for standard input, byte for byte. Other values that begin with - come after --. Exits with 1 \
            if the lease of --lease is not there.
            """)

    @OptionGroup var arguments: StoreArguments
    @Argument(help: "1 to 4096 bytes.") var key: String
    @Argument(help: "The value, or - for standard input.") var value: String

    @Option(help: ArgumentHelp("Attach the key to this lease: it is deleted when that ends.", valueName: "id"))
    var lease: LeaseID?

    func run() async throws {
        let bytes =
            value == "-"
            ? Bytes(Array(try FileHandle.standardInput.readToEnd() ?? Data())) : Bytes(argument: value)
        let revision = try await arguments.withStore(.readWrite) { store in
            guard let lease else { return try await store.put(Bytes(argument: key), bytes) }
            return try await store.put(Bytes(argument: key), bytes, lease: lease.number)
        }
        if arguments.json {
            var json = JSONObject()
            json.add("revision", revision)
            Output.standard.line(json)
        } else {
            Output.standard.line("revision \(revision)")
        }
    }
}
