import ArgumentParser
import Vigil

struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Follow the changes of a key, live and from any retained revision.",
        discussion: """
            Works beside the process that writes the store. Ends on Ctrl-C, at --until, or when the store is gone, and \
            says the revision to resume from on standard error. With --endpoint a lost connection is made again, for as \
            long as --timeout says, and nothing is missed or seen twice.

            With --cursor NAME it goes on where that name was last acknowledged, in whichever process, and acknowledges \
            each event after it was printed or the command has handled it. A new cursor begins at --from, or else with \
            the oldest revision.

            After -- a command may follow. It is run for each event, one after the other, with VIGIL_TYPE, VIGIL_KEY, \
            VIGIL_VALUE and VIGIL_REVISION in its environment and the event as JSON on its standard input. VIGIL_VALUE \
            is not set for a value of more than \(EventCommand.variableBytes) bytes or with a zero byte in it.
            """)

    @OptionGroup var arguments: StoreArguments
    @Argument(help: "The key. With --prefix it may be empty: every key.") var key: String
    @Flag(help: "Watch every key that begins with KEY.") var prefix = false
    @Option(name: .long, help: ArgumentHelp("Watch from KEY to this one, not included.", valueName: "key"))
    var rangeEnd: String?
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("now, snapshot, \(LogOrigin.help). (default: now)", valueName: "start"))
    var from: WatchOrigin?
    @Option(help: ArgumentHelp("Go on where this cursor is, and acknowledge with it.", valueName: "name"))
    var cursor: String?
    @Option(help: ArgumentHelp("Stop after head (as it is when the command starts) or a revision.", valueName: "end"))
    var until: WatchEnd?
    @Flag(help: "Show what each key held before.") var prev = false
    @Argument(parsing: .postTerminator, help: ArgumentHelp("Run for each event.", valueName: "command"))
    var command: [String] = []

    func validate() throws {
        if prefix, rangeEnd != nil { throw ValidationError("--prefix and --range-end exclude each other") }
        if !prefix, key.isEmpty { throw ValidationError("the key is empty; only with --prefix it may be") }
        if let rangeEnd, Bytes(argument: rangeEnd) <= Bytes(argument: key) {
            throw ValidationError("--range-end must be greater than the key")
        }
    }

    func run() async throws {
        try await arguments.withStore(.readOnly) { store in
            let target = try await until?.revision(in: store)
            let start = cursor.map { .cursor($0) } ?? origin
            let watch = try await store.follow(
                keys, from: start,
                options: WatchOptions(
                    previousValues: prev, cursor: CursorOptions(first: origin, acknowledgement: .explicit)))
            let interruption = Interruption { watch.cancel() }
            defer { interruption.end() }
            var isInState = origin == .snapshot
            if isInState, let cursor { isInState = try await store.cursor(cursor) == nil }
            var position = Position(of: watch, isInState: isInState, cursor: cursor)
            defer { position.tell() }
            do {
                try await follow(watch, target, store, &position)
                if cursor != nil { try await watch.flushAcknowledged() }
            } catch let error as StoreError {
                if let earliest = error.earliest { position = Position(revision: earliest) }
                throw error
            }
        }
    }

    /// Where a watch without a cursor begins, or one whose cursor is new.
    private var origin: WatchStart { from?.start ?? (cursor == nil ? .now : .earliest) }

    private var keys: KeyRange {
        if prefix { return .prefix(Bytes(argument: key)) }
        return rangeEnd.map { .range(Bytes(argument: key), Bytes(argument: $0)) } ?? .key(Bytes(argument: key))
    }

    private func follow(
        _ watch: any CommandWatch, _ target: Revision?, _ store: any CommandStore, _ position: inout Position
    ) async throws {
        // A target that no event of these keys reaches is reached by the progress that is asked for when the store does.
        let reaching = Task {
            guard let target else { return }
            if target > (try await store.head) {
                let beyond = try await store.follow(.all, from: .revision(target), options: WatchOptions())
                while let element = try await beyond.next() {
                    if case .update(let update) = element, update.revision >= target { break }
                }
            }
            try await watch.requestProgress()
        }
        defer { reaching.cancel() }
        // What begins after its end has nothing to wait for.
        if let target, position.isPast(target) { return }
        while let element = try await watch.next() {
            if let target, case .update(let update) = element, update.revision > target {
                position.reach(target + 1)
                return
            }
            try await show(element)
            position.advance(watch, past: element)
            if cursor != nil {
                // What is printed is out before it counts as handled.
                Output.standard.flush()
                try await watch.acknowledge()
            }
            if let target, position.isPast(target) { return }
        }
    }

    private func show(_ element: WatchElement) async throws {
        switch element {
        case .update(let update):
            for event in update { try await show(event) }
        case .state(let keyValues):
            for keyValue in keyValues { try await show(WatchEvent(keyValue)) }
        case .synced(let revision): show("synced", [("revision", revision)])
        case .progress(let revision): show("progress", [("revision", revision)])
        case .gap(let from, let through): show("gap", [("from", from), ("through", through)])
        }
    }

    private func show(_ event: WatchEvent) async throws {
        if !command.isEmpty {
            try await EventCommand(command).run(event)
        } else if arguments.json {
            Output.standard.line(JSONObject(event, showsPrevious: prev))
        } else {
            Output.standard.line(Text.event(event, showsPrevious: prev))
        }
    }

    /// What is not an event: for programs on standard output, for people only where it says something new.
    private func show(_ type: String, _ numbers: [(String, Revision)]) {
        guard command.isEmpty else { return }
        if arguments.json {
            var json = JSONObject()
            json.add("type", type)
            for (name, number) in numbers { json.add(name, number) }
            Output.standard.line(json)
        } else if type != "progress" {
            let text = numbers.map { String($0.1) }.joined(separator: " to ")
            Output.standard.line("\(Text.revision(numbers[0].1))  \(type)  \(text)")
        }
    }
}

/// Through where everything was shown, or handled by the command: not what was taken from the watch and then failed.
private struct Position {
    private var revision: Revision
    /// Half a state is no place to go on from.
    private var isInState = false
    /// That goes on there by itself.
    private var cursor: String?

    init(of watch: any CommandWatch, isInState: Bool, cursor: String?) {
        revision = watch.resumeRevision
        self.isInState = isInState
        self.cursor = cursor
    }

    init(revision: Revision) {
        self.revision = revision
    }

    func isPast(_ target: Revision) -> Bool { !isInState && revision > target }

    mutating func reach(_ revision: Revision) {
        self.revision = max(self.revision, revision)
    }

    mutating func advance(_ watch: any CommandWatch, past element: WatchElement) {
        if case .synced = element { isInState = false }
        reach(watch.resumeRevision)
    }

    func tell() {
        Output.standard.flush()
        if let cursor {
            Output.error("resume with --cursor \(cursor)")
            return
        }
        Output.error("resume with --from \(isInState ? "snapshot" : String(revision))")
    }
}

extension WatchEvent {
    /// What a key holds, as an event of its last change.
    init(_ keyValue: KeyValue) {
        self.init(
            type: .put, key: keyValue.key, value: keyValue.value, revision: keyValue.modRevision,
            createRevision: keyValue.createRevision, version: keyValue.version, lease: keyValue.lease)
    }
}
