import ArgumentParser
import Vigil

struct LogCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log", abstract: "What changed, and when: the log from the earliest revision on.")

    /// What is read at a time.
    private static let pageRevisions = 1000
    private static let pageBytes = 1 << 20

    @OptionGroup var arguments: StoreArguments
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The first revision: \(LogOrigin.help). The earliest if left out.", valueName: "start"))
    var from: LogOrigin?
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The last: \(RevisionArgument.help). The newest if left out.", valueName: "rev"))
    var to: RevisionArgument?
    @Option(help: ArgumentHelp("Only keys that begin so.", valueName: "p")) var prefix = ""
    @Option(help: ArgumentHelp("At most so many revisions.", valueName: "n")) var limit: Int?

    func validate() throws {
        if let limit, limit < 0 { throw ValidationError("--limit is \(limit); it must not be negative") }
        try RevisionBounds.validate(from: from, to: to)
    }

    func run() async throws {
        try await arguments.withStore(.readOnly) { store in
            let last = try await to?.newest(in: store)
            var next: Revision? = try await RevisionBounds.first(
                from, through: last, head: try await store.head, in: store)
            var left = limit ?? .max
            while let revision = next, left > 0 {
                let page = try await store.log(
                    .prefix(Bytes(argument: prefix)), from: revision, through: last,
                    limit: min(left, Self.pageRevisions), bytes: Self.pageBytes)
                for update in page.updates { show(update) }
                left -= page.updates.count
                next = page.next
            }
        }
    }

    private func show(_ update: WatchUpdate) {
        for event in update {
            if arguments.json {
                var json = JSONObject(event)
                json.add("time_ms", update.commitMilliseconds)
                Output.standard.line(json)
            } else {
                Output.standard.line("\(Text.time(update.commitMilliseconds))  \(Text.event(event))")
            }
        }
    }
}
