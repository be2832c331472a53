import ArgumentParser
import Vigil

struct LsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "List the keys with a prefix: revision, key and value of each.")

    /// Keys, and bytes of keys and values, that are read at a time, so that a long list costs little memory.
    private static let pageKeys = 4096
    private static let pageBytes = 1 << 20

    @OptionGroup var arguments: StoreArguments
    @Argument(help: "Every key, if it is left out.") var prefix = ""
    @Option(
        parsing: .unconditional, help: ArgumentHelp("What to read at: \(RevisionArgument.help).", valueName: "rev"))
    var at: RevisionArgument?
    @Option(help: ArgumentHelp("At most so many keys.", valueName: "n")) var limit: Int?
    @Flag(name: .long, help: "Leave the values out.") var keysOnly = false

    func validate() throws {
        try at?.validate("--at", atLeast: 0)
        if let limit, limit < 0 { throw ValidationError("--limit is \(limit); it must not be negative") }
    }

    func run() async throws {
        try await arguments.withStore(.readOnly) { store in
            let all = KeyRange.prefix(Bytes(argument: prefix))
            let revision = if let at { try await at.newest(in: store) } else { try await store.head }
            var lower = all.lowerBound
            var left = limit ?? .max
            while left > 0 {
                let keys: KeyRange = all.upperBound.map { .range(lower, $0) } ?? .from(lower)
                let page = try await store.range(
                    keys,
                    RangeOptions(
                        at: revision, limit: min(left, Self.pageKeys), bytes: Self.pageBytes, keysOnly: keysOnly))
                for keyValue in page.keyValues { show(keyValue) }
                left -= page.keyValues.count
                guard page.more, let last = page.keyValues.last else { break }
                lower = last.key.successor
            }
        }
    }

    private func show(_ keyValue: KeyValue) {
        if arguments.json {
            Output.standard.line(JSONObject(keyValue, hasValue: !keysOnly))
        } else {
            let value = keysOnly ? "" : " = \(Text.inline(keyValue.value))"
            Output.standard.line("\(Text.revision(keyValue.modRevision))  \(Text.inline(keyValue.key))\(value)")
        }
    }
}
