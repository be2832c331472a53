import Changes
import RevisionLog
import Threads
import WatchDispatch

/// The reading side of one watch: carries out what the state machine says. All of it runs in the reader's task.
final class WatchStorage: Sendable {
    /// What only the reading task touches; the lock is for the counters that others may ask for.
    private struct State {
        var machine: WatchStateMachine
        var cursor: ReplayCursor
        /// What is not delivered yet of the last step of a replay.
        var replayed = ReplayedUpdates()
        /// Where that step ended.
        var replayedBefore: Revision?
        /// Updates delivered of it since others may have had the core.
        var sinceYield = 0
        /// Of that step.
        var yielding = Yielding()
        /// Delivered after the element before it.
        var mark: WatchElement?
        var statistics = WatchStatistics()
        var handle: WatcherHandle?
        var isCancelled = false
        /// Progress was asked for, through this revision, before there was anybody to ask.
        var wantedProgress: Revision?
        /// The dispatcher was asked for progress and has not answered.
        var isAsking = false
        /// While the watch rests: what is called when it has something of its own.
        var resting: RestingBell?
    }

    private final class RestingBell: Sendable {
        let ring: WatcherBell

        init(_ ring: @escaping WatcherBell) { self.ring = ring }
    }

    /// What to do outside of the lock.
    private enum Step {
        case element(WatchElement)
        case wait(WatcherHandle)
        case again
        /// A step of the log was read.
        case yield
        /// Some of it was delivered.
        case giveWay
        case end
    }

    private let state: Lock<State>
    private let reader: LogReader
    private let registry: WatchRegistry
    private let filter: WatchFilter
    private let options: WatchOptions
    private let cursor: CursorUse?
    /// Updates that all watches of the store have replayed.
    private let allReplayed: Counter
    /// The registry would give a watch of a closed store a handle that ends at once; a replay has to ask.
    private let closed: ClosedFlag
    /// Why the live path has ended, if it was not the store's closing.
    private let failure: @Sendable () -> StoreError?

    init(
        reader: LogReader, registry: WatchRegistry, keys: KeyRange, start: WatchStart, options: WatchOptions,
        cursor: CursorUse? = nil, allReplayed: Counter, closed: ClosedFlag,
        failure: @escaping @Sendable () -> StoreError?
    ) {
        self.reader = reader
        self.registry = registry
        self.options = options
        self.cursor = cursor
        self.allReplayed = allReplayed
        self.closed = closed
        self.failure = failure
        filter = WatchFilter(keys: keys, types: options.types)
        let snapshot = reader.snapshot
        let machine = WatchStateMachine(start, keys: keys, head: snapshot.head, earliest: snapshot.earliest)
        state = Lock(State(machine: machine, cursor: ReplayCursor(filter: filter, from: machine.next)))
        cursor?.observe { reader.head }
    }

    /// The next element, or nil at the end. An error is the end too.
    func next() async throws -> WatchElement? {
        do {
            try await cursor?.create()
            if let element = try await nextElement() { return element }
            cursor?.close()
            return nil
        } catch {
            try ended(by: error)
            return nil
        }
    }

    /// The next element if it is there, or needs only one step through the log.
    func nextAvailable() throws -> WatchElement? {
        do {
            while true {
                switch try state.withLock({ try step(&$0) }) {
                case .element(let element): return element
                case .again: continue
                case .giveWay: giveWay()
                case .yield, .wait, .end: return nil
                }
            }
        } catch {
            try ended(by: error)
            return nil
        }
    }

    /// Hands over what came live. Whoever reads many watches need not wait at each: `bell` is called when it is worth
    /// asking again.
    func readLive(orElse bell: @escaping WatcherBell, _ take: (WatchElement) -> Bool) throws -> LiveReading {
        do {
            return try state.withLock { state in
                var isLast = false
                while true {
                    switch try liveStep(&state, bell, &isLast) {
                    case .element(let element): if !take(element) { return .stopped }
                    case .again: continue
                    case .nothing: return .nothing
                    case .elsewhere: return .elsewhere
                    }
                }
            }
        } catch {
            try ended(by: error)
            return .elsewhere
        }
    }

    private func ended(by error: any Error) throws {
        cursor?.close()
        state.withLock { state in
            state.replayed = ReplayedUpdates()
            state.mark = nil
            state.machine.end()
        }
        // The store was closed while something was read for the watch.
        if closed.isSet, (error as? StoreError)?.code == .closed { return }
        throw error
    }

    /// The next element if it was replayed already and needs nothing more: most of a catch-up, for which a suspension
    /// each would cost more than all the rest.
    func takeReplayed() -> WatchElement? {
        guard !options.previousValues else { return nil }
        return state.withLock { state in
            guard state.mark == nil, !state.replayed.isEmpty, !isLong(state) else { return nil }
            cursor?.handled(state.machine.delivered)
            guard let update = deliverReplayed(&state) else { return nil }
            return .update(update)
        }
    }

    /// Writers who are woken on this core would else wait for a reader that catches up, some milliseconds.
    private func giveWay() {
        // Without the lock, which others need meanwhile; only this task changes it.
        var yielding = state.withLock { $0.yielding }
        yielding.point()
        state.withLock { [yielding] in $0.yielding = yielding }
    }

    private func nextElement() async throws -> WatchElement? {
        while true {
            switch try state.withLock({ try step(&$0) }) {
            case .element(let element): return element
            case .again: continue
            case .giveWay: giveWay()
            // So that a catch-up does not keep a thread from all other tasks; and that watches which catch up together go
            // through the log side by side, each finding the blocks that another has just decoded.
            case .yield: await Task.yield()
            case .end:
                if let error = cursor?.failure { throw error }
                if let error = failure(), !isEnded { throw error }
                return nil
            case .wait(let handle):
                let signal = await handle.nextSignal()
                if let element = try state.withLock({ try receive(&$0, signal) }) { return element }
            }
        }
    }

    func cancel() {
        let (handle, bell) = state.withLock { state in
            state.isCancelled = true
            return (state.handle, state.resting.take())
        }
        handle?.cancel()
        bell?.ring()
        cursor?.close()
    }

    /// Leaves the dispatcher, if the watch has nothing else to do than to wait for it.
    func rest(orElse bell: @escaping WatcherBell) -> Revision? {
        let (next, handle) = state.withLock { state -> (Revision?, WatcherHandle?) in
            guard isNearHead(state), !state.isCancelled, !state.isAsking, state.wantedProgress == nil,
                state.handle != nil, state.machine.rest()
            else { return (nil, nil) }
            state.resting = RestingBell(bell)
            return (state.machine.next, state.handle.take())
        }
        handle?.cancelQuietly()
        return next
    }

    func wake(at next: Revision) {
        state.withLock { state in
            state.resting = nil
            state.machine.replayed(before: next)
        }
    }

    /// Whether somebody wanted the end.
    private var isEnded: Bool { closed.isSet || Task.isCancelled || state.withLock { $0.isCancelled } }

    func park() { state.withLock { $0.handle }?.park() }

    func requestProgress() {
        // Commits are visible, and acknowledged, before they are announced: the dispatcher may have yet to see this one.
        let head = reader.head
        let (handle, bell) = state.withLock { state in
            if state.handle == nil { state.wantedProgress = head } else { state.isAsking = true }
            return (state.handle, state.resting.take())
        }
        handle?.requestProgress(through: head)
        bell?.ring()
    }

    /// Whether ``readLive(orElse:_:)`` has what there is.
    var isNearHead: Bool { state.withLock { isNearHead($0) } }

    var resumeRevision: Revision { state.withLock { $0.machine.next } }

    var statistics: WatchStatistics {
        state.withLock { state in
            state.statistics.parked = state.machine.parked
            return state.statistics
        }
    }

    /// What a cursor may be told was handled; nil while the state is not complete.
    var delivered: Revision? { state.withLock { $0.mark == nil ? $0.machine.delivered : nil } }

    func requireCursor() throws(StoreError) -> CursorUse {
        guard let cursor else {
            throw StoreError(.invalidArgument, "the watch does not start from a cursor, so it has none to acknowledge")
        }
        return cursor
    }

    // MARK: With the lock held

    private func step(_ state: inout State) throws -> Step {
        // Whatever was delivered before this call is handled, since its reader asks for more.
        if state.mark == nil { cursor?.handled(state.machine.delivered) }
        if let mark = state.mark.take() { return .element(mark) }
        if let first = state.replayed.first {
            if isLong(state) {
                state.sinceYield = 0
                return .giveWay
            }
            // Before the machine counts it as delivered: a watch resumed after an error must see it.
            let completed = try complete(first)
            _ = deliverReplayed(&state)
            return .element(.update(completed))
        }
        if let revision = state.replayedBefore.take() { state.machine.replayed(before: revision) }
        if state.isCancelled || closed.isSet || Task.isCancelled || cursor?.failure != nil { return .end }
        switch state.machine.action(head: reader.head) {
        case .deliver(let element): return .element(element)
        case .fail(let error): throw error
        case .end: return .end
        case .awaitSignal: return try listen(&state)
        case .join:
            join(&state)
            return .again
        case .replay(let through): return try replay(&state, through)
        case .readState(let revision, let key): return try readState(&state, revision, key)
        }
    }

    private enum LiveStep {
        case element(WatchElement)
        case again
        case nothing
        case elsewhere
    }

    /// `isLast` says that the dispatcher has said all it had to, and will call `bell`.
    private func liveStep(
        _ state: inout State, _ bell: @escaping WatcherBell, _ isLast: inout Bool
    ) throws -> LiveStep {
        guard isNearHead(state), !state.isCancelled, !closed.isSet else { return .elsewhere }
        switch state.machine.action(head: reader.head) {
        case .deliver(let element): return .element(element)
        case .join:
            join(&state)
            isLast = false
            return .again
        case .awaitSignal:
            guard !isLast else { return .nothing }
            guard let handle = state.handle else { return .elsewhere }
            let next = handle.tryNextSignal(orElse: bell)
            isLast = next.isLast
            return try next.signal.flatMap { try receive(&state, $0) }.map { .element($0) } ?? .again
        case .fail(let error): throw error
        case .end, .replay, .readState: return .elsewhere
        }
    }

    private func isNearHead(_ state: State) -> Bool {
        state.mark == nil && state.replayed.isEmpty && state.replayedBefore == nil && cursor == nil
            && state.machine.isNearHead(reader.head)
    }

    /// Whether enough was delivered without a pause.
    private func isLong(_ state: State) -> Bool { state.sinceYield >= Limits.updatesPerYield }

    private func deliverReplayed(_ state: inout State) -> WatchUpdate? {
        guard let update = state.replayed.popFirst() else { return nil }
        state.sinceYield += 1
        state.machine.delivered(update)
        state.statistics.replayed += 1
        return update
    }

    private func listen(_ state: inout State) throws -> Step {
        guard let handle = state.handle else { return .end }
        guard let signal = handle.tryNextSignal() else { return .wait(handle) }
        return try receive(&state, signal).map { .element($0) } ?? .again
    }

    private func receive(_ state: inout State, _ signal: WatcherSignal) throws -> WatchElement? {
        // As in a replay, what may fail comes first.
        let signal = if case .update(let update) = signal { WatcherSignal.update(try complete(update)) } else { signal }
        switch signal {
        // A watch that was parked says how far it is when it has caught up.
        case .progress, .parked: state.isAsking = false
        default: break
        }
        switch state.machine.received(signal) {
        case .deliver(.update(let update)):
            state.statistics.live += 1
            return .update(update)
        case .deliver(let element): return element
        case .fail(let error): throw error
        default: return nil
        }
    }

    private func join(_ state: inout State) {
        if let handle = state.handle {
            handle.rejoin()
        } else {
            let overflow: OverflowPolicy =
                switch options.policy {
                case .replay, .latest: .park
                case .drop: .drop
                case .cancel: .cancel
                }
            state.handle = registry.register(
                filter.keys, types: filter.types, overflow: overflow, bufferSize: options.bufferSize)
            if let handle = state.handle { cursor?.joined(handle) }
            if let revision = state.wantedProgress.take(), let handle = state.handle {
                state.isAsking = true
                handle.requestProgress(through: revision)
            }
        }
    }

    private func replay(_ state: inout State, _ through: Revision) throws -> Step {
        if state.cursor.next != state.machine.next { state.cursor.move(to: state.machine.next) }
        do {
            var updates = try state.cursor.step(reader, through: through)
            if options.policy == .latest { updates = try reader.newestOnly(updates) }
            allReplayed.add(updates.count)
            state.replayed = updates
            state.replayedBefore = state.cursor.next
            state.sinceYield = 0
            state.yielding = Yielding()
        } catch let error as StoreError where error.code == .compacted {
            if case .fail(let error)? = state.machine.compacted(error) { throw error }
        }
        return .yield
    }

    private func readState(_ state: inout State, _ revision: Revision, _ key: Bytes) throws -> Step {
        let page = try reader.page(
            from: key, to: filter.keys.upperBound, at: revision, limit: Limits.statePageKeys, descending: false,
            contents: .values)
        state.mark = state.machine.stateRead(next: page.next)
        return page.keyValues.isEmpty ? .again : .element(.state(page.keyValues))
    }

    /// Adds to each event what its key held before, if that was asked for.
    private func complete(_ update: WatchUpdate) throws -> WatchUpdate {
        options.previousValues ? try reader.withPrevious(update) : update
    }
}
