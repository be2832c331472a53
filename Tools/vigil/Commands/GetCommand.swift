import ArgumentParser
import Vigil

struct GetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Print the value of a key, now or at an earlier revision.",
        discussion: """
            The value is printed as it is, followed by a line end unless --raw is given. On a terminal its revisions \
            are shown too, on standard error. Exits with 1, printing nothing, if the key is not there.
            """)

    @OptionGroup var arguments: StoreArguments
    @Argument var key: String
    @Option(
        parsing: .unconditional, help: ArgumentHelp("What to read at: \(RevisionArgument.help).", valueName: "rev"))
    var at: RevisionArgument?
    @Flag(help: "Print the value alone, without a line end.") var raw = false

    func validate() throws {
        try at?.validate("--at", atLeast: 0)
    }

    func run() async throws {
        let found = try await arguments.withStore(.readOnly) { store in
            try await store.get(Bytes(argument: key), at: at?.newest(in: store))
        }
        guard let found else { throw NotThere() }
        if arguments.json {
            Output.standard.line(JSONObject(found))
            return
        }
        Output.standard.write(Array(found.value) + (raw ? [] : [UInt8(ascii: "\n")]))
        if Output.isInteractive, !raw {
            Output.standard.flush()
            Output.error(
                "revision \(found.modRevision), version \(found.version), created at \(found.createRevision)")
        }
    }
}
