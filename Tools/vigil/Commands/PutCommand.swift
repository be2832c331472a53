import ArgumentParser
import Foundation
import Vigil

struct PutCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "put", abstract: "Put a value under a key, and print the revision that made.",
        discussion:
            "The value - stands for standard input, byte for byte. Other values that begin with - come after --.")

    @OptionGroup var arguments: StoreArguments
    @Argument(help: "1 to 511 bytes.") var key: String
    @Argument(help: "The value, or - for standard input.") var value: String

    func run() async throws {
        let bytes =
            value == "-"
            ? Bytes(Array(try FileHandle.standardInput.readToEnd() ?? Data())) : Bytes(argument: value)
        let revision = try await arguments.withStore(.readWrite) { try await $0.put(Bytes(argument: key), bytes) }
        if arguments.json {
            var json = JSONObject()
            json.add("revision", revision)
            Output.standard.line(json)
        } else {
            Output.standard.line("revision \(revision)")
        }
    }
}
