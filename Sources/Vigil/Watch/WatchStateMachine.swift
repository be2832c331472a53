import Changes
import RevisionLog
import WatchDispatch

/// Where one watch stands between the log and the live flow. Pure: facts go in, the next action comes out.
///
///     state ─▶ reading ─▶ joining ─▶ closing ─▶ live ─▶ ended
///                 ▲                               │
///                 └────────────── parked ◀────────┘
///
/// * **reading**: far behind. The log is read in steps; nothing is registered, so commits cost this watch nothing.
/// * **joining**: near the head. The dispatcher was asked to route to this watch and will say J, the last revision it had
///   dispatched.
/// * **closing**: what is missing through J is read from the log; everything after J comes live and waits in the buffer.
/// * **live**: the buffer is all there is to read, until the dispatcher parks the watch.
struct WatchStateMachine: Sendable {
    private enum Phase: Sendable {
        case state(at: Revision, from: Bytes)
        case reading
        case joining
        case closing(through: Revision)
        case live
        case ended
    }

    enum Action {
        case deliver(WatchElement)
        /// Read a page of the state at a revision, from a key on; then call `stateRead`.
        case readState(at: Revision, from: Bytes)
        /// Read one step of the log from ``next`` on; call `delivered` for each update of it, then `replayed`.
        case replay(through: Revision)
        /// Register with the dispatcher, or rejoin it.
        case join
        /// Wait for the next signal of the dispatcher; then call `received`.
        case awaitSignal
        case fail(StoreError)
        case end
    }

    private var phase: Phase
    /// Whether updates were missed that the log has: then the end of the catch-up is worth a `progress`.
    private var isCatchingUp: Bool
    /// Whether it begins at the earliest revision if that overtakes its start, and nothing was delivered yet.
    private var followsEarliest: Bool
    private let lower: Bytes
    /// Everything before this revision was delivered.
    private(set) var next: Revision
    private(set) var parked = 0

    /// `head` is the newest revision at the moment of the call, `earliest` the oldest that is retained.
    init(_ start: WatchStart, keys: KeyRange, head: Revision, earliest: Revision) {
        lower = keys.lowerBound
        switch start {
        case .now: next = head + 1
        case .revision(let revision): next = revision
        case .earliest: next = earliest
        case .last(let count): next = max(earliest, head - Revision(min(count, Int(head))) + 1)
        case .snapshot: next = head + 1
        case .time: preconditionFailure("the store looks for the revision of a time before the watch begins")
        case .cursor(let name): preconditionFailure("the cursor \(name) was not looked up")
        }
        followsEarliest = start.isAtMostRetained
        isCatchingUp = next <= head
        phase = start == .snapshot ? .state(at: head, from: lower) : .reading
    }

    /// What to do now, with `head` the newest revision.
    mutating func action(head: Revision) -> Action {
        switch phase {
        case .state(let revision, let key):
            return .readState(at: revision, from: key)
        case .reading:
            if head - next >= Limits.rejoinDistance { return .replay(through: head) }
            phase = .joining
            return .join
        case .joining, .live:
            return .awaitSignal
        case .closing(let through):
            if next <= through { return .replay(through: through) }
            phase = .live
            guard isCatchingUp else { return .awaitSignal }
            isCatchingUp = false
            followsEarliest = false
            return .deliver(.progress(next - 1))
        case .ended:
            return .end
        }
    }

    /// Whether the live flow has all that is wanted, or is about to: nothing has to be read from the log.
    func isNearHead(_ head: Revision) -> Bool {
        switch phase {
        case .reading: head - next < Limits.rejoinDistance
        case .closing(let through): next > through
        case .joining, .live: true
        case .state, .ended: false
        }
    }

    /// A page of the state was delivered; the next one begins at `key`, nil if that was the last. Returns the mark to
    /// deliver then.
    mutating func stateRead(next key: Bytes?) -> WatchElement? {
        guard case .state(let revision, _) = phase else { return nil }
        if let key {
            phase = .state(at: revision, from: key)
            return nil
        }
        phase = .reading
        return .synced(revision)
    }

    /// An update from the log is delivered.
    mutating func delivered(_ update: WatchUpdate) {
        next = max(next, update.revision + 1)
        followsEarliest = false
    }

    /// Everything before `revision` was read from the log, and what was found there delivered.
    mutating func replayed(before revision: Revision) {
        next = max(next, revision)
    }

    /// The log no longer has what was to be read. A watch of the earliest revision that has delivered nothing begins
    /// again where the log begins now.
    mutating func compacted(_ error: StoreError) -> Action? {
        guard followsEarliest, let earliest = error.earliest, earliest > next else {
            phase = .ended
            return .fail(error)
        }
        next = earliest
        return nil
    }

    /// The dispatcher said something. Returns what to deliver, if anything.
    mutating func received(_ signal: WatcherSignal) -> Action? {
        if case .ended = phase { return nil }
        switch signal {
        case .joined(let through):
            phase = .closing(through: through)
            return nil
        case .update(let update):
            // A watch that begins in the future sees what comes before, and passes over it.
            guard update.revision >= next else { return nil }
            next = update.revision + 1
            followsEarliest = false
            return .deliver(.update(update))
        case .parked(let revision):
            next = max(next, revision)
            parked += 1
            isCatchingUp = true
            phase = .reading
            return nil
        case .gap(let from, let through):
            guard through >= next else { return nil }
            followsEarliest = false
            defer { next = through + 1 }
            return .deliver(.gap(from: max(from, next), through: through))
        case .progress(let revision):
            guard revision >= next - 1 else { return nil }
            next = revision + 1
            followsEarliest = false
            return .deliver(.progress(revision))
        case .overflowed(let revision):
            phase = .ended
            return .fail(.watcherTooSlow(resume: max(revision, next)))
        case .ended:
            phase = .ended
            return nil
        }
    }

    /// Everything through here was delivered; nil while the state is not complete.
    var delivered: Revision? {
        if case .state = phase { return nil }
        return next - 1
    }

    /// Leaves the live flow, of which somebody else tells: what comes from ``next`` on is read when it is asked for. Returns
    /// whether it was live.
    mutating func rest() -> Bool {
        guard case .live = phase else { return false }
        phase = .reading
        return true
    }

    /// Nothing more will be delivered.
    mutating func end() {
        phase = .ended
    }
}

extension WatchStart {
    /// Whether a compaction that overtakes the start moves it, instead of failing the watch.
    fileprivate var isAtMostRetained: Bool {
        switch self {
        case .earliest, .last: true
        case .now, .revision, .time, .snapshot, .cursor: false
        }
    }
}

extension StoreError {
    /// A watch with the policy `.cancel` fell behind.
    static func watcherTooSlow(resume: Revision) -> StoreError {
        var error = StoreError(
            .watcherTooSlow,
            "the watch was read more slowly than its keys change and its buffer is full; resume it from revision "
                + "\(resume), or give it a larger bufferSize or another policy")
        error.resume = resume
        return error
    }
}
