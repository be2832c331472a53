import ArgumentParser
import Vigil

struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write the keys and values of a revision, or the history, as JSON lines.",
        discussion: """
            Without --from and --to: what every key holds now, or held at --at, a line each. With one of them: every change \
            from a revision to a revision, a line each, with its revision. `import` takes both.
            """)

    /// What is read at a time.
    private static let pageKeys = 4096
    private static let pageRevisions = 1000
    private static let pageBytes = 1 << 20

    @OptionGroup var arguments: StoreArguments
    @Option(
        parsing: .unconditional, help: ArgumentHelp("What to read at: \(RevisionArgument.help).", valueName: "rev"))
    var at: RevisionArgument?
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Write the history from there on: \(LogOrigin.help). The earliest if left out.", valueName: "start"))
    var from: LogOrigin?
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Write the history through there: \(RevisionArgument.help). The newest if left out.", valueName: "rev"))
    var to: RevisionArgument?
    @Option(help: ArgumentHelp("Only keys that begin so.", valueName: "p")) var prefix = ""

    func validate() throws {
        try at?.validate("--at", atLeast: 0)
        try RevisionBounds.validate(from: from, to: to)
        if at != nil, from != nil || to != nil {
            throw ValidationError(
                "--at is for one revision, --from and --to are for the history; give one or the other")
        }
    }

    func run() async throws {
        let keys = KeyRange.prefix(Bytes(argument: prefix))
        try await arguments.withStore(.readOnly) { store in
            if from != nil || to != nil {
                try await exportHistory(store, keys)
            } else {
                try await exportState(store, keys)
            }
        }
    }

    private func exportState(_ store: any CommandStore, _ all: KeyRange) async throws {
        let revision = if let at { try await at.newest(in: store) } else { try await store.head }
        var lower = all.lowerBound
        while true {
            let keys: KeyRange = all.upperBound.map { .range(lower, $0) } ?? .from(lower)
            let page = try await store.range(
                keys, RangeOptions(at: revision, limit: Self.pageKeys, bytes: Self.pageBytes))
            for keyValue in page.keyValues { Output.standard.line(JSONObject(exporting: keyValue)) }
            guard page.more, let last = page.keyValues.last else { break }
            lower = last.key.successor
        }
    }

    private func exportHistory(_ store: any CommandStore, _ keys: KeyRange) async throws {
        // What is committed meanwhile is not part of it.
        let head = try await store.head
        let last = try await to?.newest(in: store) ?? head
        if last > head { throw StoreError.future(requested: last, head: head) }
        let first = try await RevisionBounds.first(from, through: to.map { _ in last }, head: head, in: store)
        var next: Revision? = first
        while let revision = next {
            let page = try await store.log(
                keys, from: revision, through: last, limit: Self.pageRevisions, bytes: Self.pageBytes)
            for event in page.updates.joined() { Output.standard.line(JSONObject(exporting: event)) }
            next = page.next
        }
    }
}

extension JSONObject {
    /// What a key holds, as `import` takes it.
    init(exporting keyValue: KeyValue) {
        add("key", keyValue.key)
        add("value", keyValue.value)
    }

    /// A change, as `import` takes it.
    init(exporting event: WatchEvent) {
        add("revision", event.revision)
        add("key", event.key)
        if event.type == .put { add("value", event.value) } else { add("delete", true) }
    }
}
