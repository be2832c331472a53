import Synchronization
import Threads
import Vigil

/// Something that an operator has to see, and that stops writes until somebody takes it back.
struct Alarm: Hashable, Comparable, CustomStringConvertible {
    enum Kind: Int, CaseIterable {
        /// There is no room: nothing is put any more. Deletes and compactions, which make room, go on.
        case noSpace = 1
        /// The data cannot be trusted: nothing is written.
        case corrupt = 2

        /// etcd's.
        var name: String { self == .noSpace ? "NOSPACE" : "CORRUPT" }
    }

    var kind: Kind
    /// Whose alarm it is: this member's, unless a client has raised it for another number.
    var memberID: UInt64

    static func < (a: Alarm, b: Alarm) -> Bool { (a.kind.rawValue, a.memberID) < (b.kind.rawValue, b.memberID) }

    /// As etcd writes it among the errors of its status.
    var description: String { "memberID:\(memberID) alarm:\(kind.name) " }
}

/// The alarms of this server. Every write asks whether one forbids it, for the price of reading a flag.
///
/// They take effect at once, and are in the store as soon as ``save()`` has returned: the server, which raises one because
/// there is no room, may not be able to write that down before there is some.
final class Alarms: Sendable {
    private struct State {
        var raised: Set<Alarm>
        /// What the store has.
        var saved: Set<Alarm>
    }

    private let storage: any AlarmStorage
    private let state: Lock<State>
    /// A bit for each kind of which there is an alarm.
    private let kinds = Atomic(0)
    private let saving = Turnstile()
    private let changes: AsyncStream<Void>
    private let changed: AsyncStream<Void>.Continuation

    /// Those that `storage` has.
    init(_ storage: any AlarmStorage) throws {
        self.storage = storage
        let raised = try storage.alarms()
        state = Lock(State(raised: raised, saved: raised))
        (changes, changed) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        publish(raised)
    }

    /// All of them, in order.
    var raised: [Alarm] { state.withLock { $0.raised.sorted() } }

    /// Whether nothing may be put.
    var forbidGrowth: Bool { kinds.load(ordering: .relaxed) != 0 }

    /// Fails if an alarm forbids writing.
    ///
    /// - Parameter grows: Whether something may be put.
    func requireWritable(grows: Bool) throws(StoreError) {
        let kinds = kinds.load(ordering: .relaxed)
        guard kinds != 0 else { return }
        if kinds & Self.bit(.corrupt) != 0 {
            throw StoreError(.damaged, "the alarm CORRUPT is raised: nothing is written until it is disarmed")
        }
        guard !grows else {
            throw StoreError(
                .full, "the alarm NOSPACE is raised: make room, by deletes, compaction or on the disk, and disarm it")
        }
    }

    /// False if it was raised already.
    @discardableResult
    func raise(_ alarm: Alarm) -> Bool {
        change { alarms in
            // Whoever asks can raise one for any number.
            guard alarms.count < Limits.alarms else { return false }
            return alarms.insert(alarm).inserted
        }
    }

    /// False if it was not raised.
    func takeBack(_ alarm: Alarm) -> Bool { change { $0.remove(alarm) != nil } }

    /// Writes what is raised, unless the store has it. It is durable when this returns.
    func save() async throws {
        try await saving.pass {
            while true {
                let (raised, saved) = state.withLock { ($0.raised, $0.saved) }
                guard raised != saved else { return }
                try await storage.store(raised)
                state.withLock { $0.saved = raised }
            }
        }
    }

    /// Saves what the server itself has raised, until the task is cancelled: while there is no room for it, again and again.
    func keepSaved() async {
        for await _ in changes {
            while (try? await save()) == nil, !Task.isCancelled {
                try? await Task.sleep(for: Limits.alarmRetry)
            }
        }
        try? await save()
    }

    private func change(_ body: (inout Set<Alarm>) -> Bool) -> Bool {
        state.withLock { state in
            let isChanged = body(&state.raised)
            publish(state.raised)
            if isChanged { changed.yield() }
            return isChanged
        }
    }

    private func publish(_ alarms: Set<Alarm>) {
        kinds.store(alarms.reduce(0) { $0 | Self.bit($1.kind) }, ordering: .relaxed)
    }

    private static func bit(_ kind: Alarm.Kind) -> Int { 1 << kind.rawValue }
}
