import ArgumentParser
import Vigil

struct CompactCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compact", abstract: "Forget the history before a revision, which stays readable itself.",
        discussion: """
            Either the first revision to keep is named, by number or by time, or what is to be kept at least, once: \
            history goes that any of the --keep options no longer wants. The state of the keys stays as it is.
            """)

    @OptionGroup var arguments: StoreArguments
    @Argument(help: ArgumentHelp("The first to keep: \(RevisionArgument.help).", valueName: "revision"))
    var first: RevisionArgument?
    @Option(name: .long, help: ArgumentHelp("Keep the last N revisions.", valueName: "n")) var keepRevisions: Int?
    @Option(
        name: .long,
        help: ArgumentHelp("Keep what is younger: a number and ms, s, m, h, d or w.", valueName: "age"))
    var keepAge: DurationArgument?
    @Option(
        name: .long,
        help: ArgumentHelp("Keep so much of the log as stored: a number, and KiB, MiB or GiB.", valueName: "size"))
    var keepBytes: SizeArgument?
    @Flag(name: .long, help: "Only say what would go.") var dryRun = false
    @Flag(help: "Also forget what a cursor holds.") var force = false

    private var retention: Retention {
        Retention(revisions: keepRevisions, age: keepAge?.duration, bytes: keepBytes?.bytes)
    }

    func validate() throws {
        if (first == nil) == retention.isUnlimited {
            throw ValidationError("give either the first revision to keep, or one or more of the --keep options")
        }
        try first?.validate("the revision", atLeast: 1)
    }

    func run() async throws {
        if dryRun {
            show(
                try await arguments.withStore(.readOnly) { store in
                    guard let first else { return try await store.compactionPreview(keeping: retention) }
                    return try await store.compactionPreview(through: revision(first, store))
                })
            return
        }
        let earliest = try await arguments.withStore(.readWrite, creates: false) { store in
            guard let first else { return try await store.compact(keeping: retention, overridesCursors: force) }
            let revision = try await revision(first, store)
            try await store.compact(through: revision, overridesCursors: force)
            return revision
        }
        if arguments.json {
            var json = JSONObject()
            json.add("compacted", earliest)
            Output.standard.line(json)
        } else {
            Output.standard.line("compacted; the earliest revision is \(earliest)")
        }
    }

    private func revision(_ first: RevisionArgument, _ store: any CommandStore) async throws -> Revision {
        let revision = try await first.first(in: store)
        // A number beyond the newest is refused by the store; a time that is must be a mistake too.
        if case .time = first, revision > (try await store.head) {
            throw InputError("every revision was committed before that time; to forget all but the newest, name that")
        }
        return revision
    }

    private func show(_ preview: CompactionPreview) {
        if arguments.json {
            var json = JSONObject()
            json.add("earliest", preview.earliest)
            json.add("first_kept", preview.firstKept)
            json.add("revisions", preview.revisions)
            json.add("blocks", preview.blocks)
            json.add("bytes", preview.bytes)
            if let times = preview.times {
                json.add("oldest_ms", times.lowerBound)
                json.add("newest_ms", times.upperBound)
            }
            Output.standard.line(json)
        } else if let times = preview.times {
            Output.standard.line(
                "would forget revisions \(preview.earliest) to \(preview.firstKept - 1), committed "
                    + "\(Text.time(times.lowerBound)) to \(Text.time(times.upperBound)), and free \(preview.blocks) "
                    + "blocks of \(Text.size(preview.bytes))")
        } else {
            Output.standard.line("would forget nothing; the earliest revision is \(preview.earliest)")
        }
    }
}
