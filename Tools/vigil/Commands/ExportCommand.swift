import ArgumentParser
import Vigil

struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write the keys and values of a revision as JSON lines that `import` takes.")

    private static let pageKeys = 4096

    @OptionGroup var arguments: StoreArguments
    @Option(
        parsing: .unconditional, help: ArgumentHelp("What to read at: \(RevisionArgument.help).", valueName: "rev"))
    var at: RevisionArgument?
    @Option(help: ArgumentHelp("Only keys that begin so.", valueName: "p")) var prefix = ""

    func validate() throws {
        try at?.validate("--at", atLeast: 0)
    }

    func run() async throws {
        try await arguments.withStore(.readOnly) { store in
            let all = KeyRange.prefix(Bytes(argument: prefix))
            let revision = try at?.newest(in: store) ?? store.head
            var lower = all.lowerBound
            while true {
                let keys: KeyRange = all.upperBound.map { .range(lower, $0) } ?? .from(lower)
                let page = try store.range(keys, RangeOptions(at: revision, limit: Self.pageKeys))
                for keyValue in page.keyValues {
                    var json = JSONObject()
                    json.add("key", keyValue.key)
                    json.add("value", keyValue.value)
                    Output.standard.line(json)
                }
                guard page.more, let last = page.keyValues.last else { break }
                lower = last.key.successor
            }
        }
    }
}
