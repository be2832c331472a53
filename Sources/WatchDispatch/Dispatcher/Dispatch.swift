import Changes
import Synchronization

/// What a dispatcher knows, and its work, round by round.
///
/// Sound as `@unchecked Sendable`: whoever is the dispatcher at the moment touches it, and nobody else. That is its task
/// while it is awake; while it sleeps, who stands in for it, one at a time (``WakeUp/standIn(_:unless:)``). So access needs no
/// run-time check either.
final class Dispatch: @unchecked Sendable {
    private let registry: WatchRegistry
    private let source: (any UpdateSource)?
    @exclusivity(unchecked) private var machine: DispatchStateMachine
    @exclusivity(unchecked) private var table = RoutingTable()
    @exclusivity(unchecked) private var popped: [EventQueue.Popped] = []
    /// Who wants the record that is being routed, and those of them who take no more.
    @exclusivity(unchecked) private var matched: [Unmanaged<Watcher>] = []
    @exclusivity(unchecked) private var refusing: [Watcher] = []
    /// Watchers that are not routed to and may come back, or are not dropped yet: they end with the dispatcher too.
    private var resting: [ObjectIdentifier: Watcher] = [:] {
        didSet { registry.counters.parked.store(UInt64(resting.count), ordering: .relaxed) }
    }
    /// Watchers that asked for the progress through a revision that is visible already but was not announced yet.
    private var expecting: [(watcher: Watcher, through: Revision)] = []
    /// Deliveries of the round before.
    @exclusivity(unchecked) private var deliveries = 0
    /// Readers to be told of what they were delivered: once, of all updates of a round. And the deliveries of this round of
    /// which they were told.
    @exclusivity(unchecked) private var calls: [Watcher.Call] = []
    @exclusivity(unchecked) private var told = 0
    /// When somebody last wanted to stand in.
    @exclusivity(unchecked) private var lastWanted: ContinuousClock.Instant?

    init(registry: WatchRegistry, source: (any UpdateSource)?, last: Revision) {
        self.registry = registry
        self.source = source
        machine = DispatchStateMachine(isContiguous: source != nil, last: last)
        registry.counters.dispatchedThrough.store(last, ordering: .relaxed)
    }

    /// Takes what is there, at most a batch; returns how much that was.
    ///
    /// The order matters. Whoever registered before an update was announced, or dropped, is found when that was seen
    /// before the commands were taken; and what was queued before a drop is found when the drops were counted first.
    func round() -> Int {
        let dropped = registry.queue.dropped
        pop()
        let commands = carryOutCommands()
        if popped.isEmpty {
            guard let hole = machine.drained(dropped: dropped.count, through: dropped.through) else { return commands }
            fill(hole)
            settle()
            return commands + 1
        }
        let updates = popped.count
        dispatchPopped()
        settle()
        return updates + commands
    }

    /// How many drops were dealt with.
    var droppedSeen: UInt64 { machine.droppedSeen }

    /// Nothing more will be dispatched.
    func finish() {
        // A caller may have left something.
        for next in popped { next.release() }
        popped.removeAll()
        for watcher in table.watchers { watcher.finish() }
        for watcher in resting.values { watcher.finish() }
        registry.counters.watchers.store(0, ordering: .relaxed)
        registry.counters.parked.store(0, ordering: .relaxed)
    }

    // MARK: In the dispatcher's place

    /// A round by who has announced something, in place of the dispatcher, if that sleeps. If there is more to do it is woken.
    /// A lone reader is told at the very end: woken on the caller's core, it runs when that is done.
    ///
    /// - Parameters:
    ///   - limit: The most watchers to which an update is delivered in place.
    ///   - pause: How long nobody may have wanted this before.
    /// - Returns: false if the dispatcher was awake; then nothing was done.
    func standIn(deliveries limit: Int, pause: Duration = .zero) -> Bool {
        var last = Watcher.Call.nobody
        let hasStoodIn = registry.wakeUp.standIn {
            if isLight(limit), isAfter(pause) { last = roundInPlace(limit) }
            return (droppedSeen: machine.droppedSeen, isLeft: !popped.isEmpty)
        } unless: { done in
            done.isLeft || registry.hasWork(droppedSeen: done.droppedSeen) || registry.isStopping
        }
        last.make()
        return hasStoodIn
    }

    /// A round that neither reads from the source, which may block, nor delivers much: from the first update on for which it
    /// would, what was taken is left to the dispatcher. If there is one reader to tell, that is left to the caller.
    private func roundInPlace(_ limit: Int) -> Watcher.Call {
        pop()
        guard !popped.isEmpty, !hasHole else { return .nobody }
        _ = carryOutCommands()
        dispatchPopped(limit)
        let last = calls.count == 1 ? calls.removeLast() : .nobody
        settle()
        return last
    }

    /// Whether something is missing before or between the updates that were taken.
    private var hasHole: Bool {
        var ahead = machine
        return popped.contains { next in
            let first = next.batch._withUnsafeGuaranteedRef { $0.firstRevision }
            let decision = ahead.popped(first + Int64(next.record), droppedBefore: next.droppedBefore)
            return if case .routeAfter = decision { true } else { false }
        }
    }

    /// Whether a round is likely to take hardly any time: there are neither registrations nor drops, and the updates before
    /// these went to few watchers.
    private func isLight(_ limit: Int) -> Bool {
        deliveries <= limit && !registry.hasCommands && registry.queue.dropped.count == machine.droppedSeen
    }

    private func isAfter(_ pause: Duration) -> Bool {
        guard pause > .zero else { return true }
        let now = ContinuousClock.now
        defer { lastWanted = now }
        return lastWanted.map { now - $0 >= pause } ?? true
    }

    // MARK: Parts of a round

    private func pop() {
        while popped.count < Limits.dispatchBatch, let next = registry.queue.pop() { popped.append(next) }
    }

    /// Deals with what was taken, up to the first update that more than `limit` watchers want.
    private func dispatchPopped(_ limit: Int = .max) {
        (deliveries, told) = (0, 0)
        table.fetch(popped)
        var done = 0
        while done < popped.count {
            let (next, hash) = (popped[done], table.hash(ofFetched: done))
            guard take(next, hash: hash, limit) else { break }
            done += 1
        }
        if done == popped.count { popped.removeAll(keepingCapacity: true) } else { popped.removeFirst(done) }
    }

    /// Deals with one record that was on the queue; false, and nothing done, if more than `limit` watchers want it.
    @inline(__always)
    private func take(_ next: EventQueue.Popped, hash: UInt32?, _ limit: Int) -> Bool {
        let before = machine
        let first = next.batch._withUnsafeGuaranteedRef { $0.firstRevision }
        switch machine.popped(first + Int64(next.record), droppedBefore: next.droppedBefore) {
        case .skip:
            next.release()
            return true
        case .route: break
        case .routeAfter(let hole): fill(hole)
        }
        let isDone = match(next.batch, next.record, hash: hash, limit)
        if isDone { deliverToMatched(next.batch, next.record, isHandedOver: next.isLast) } else { machine = before }
        return isDone
    }

    private func carryOutCommands() -> Int {
        let commands = registry.takeCommands()
        for command in commands { carryOut(command) }
        return commands.count
    }

    private func carryOut(_ command: WatchRegistry.Command) {
        switch command {
        case .register(let watcher):
            resting[ObjectIdentifier(watcher)] = nil
            if table.insert(watcher) { registry.counters.watchers.add(1, ordering: .relaxed) }
            watcher.join(through: machine.last)
        case .unregister(let watcher):
            resting[ObjectIdentifier(watcher)] = nil
            remove(watcher)
        case .progress(let watcher, let through):
            if through <= machine.last {
                watcher.advance(through: machine.last)
            } else {
                expecting.append((watcher, through))
            }
        }
    }

    /// Tells the readers, and answers those whose revision was dispatched meanwhile.
    private func settle() {
        tell()
        registry.counters.dispatchedThrough.store(machine.last, ordering: .relaxed)
        guard !expecting.isEmpty else { return }
        for (watcher, through) in expecting where through <= machine.last { watcher.advance(through: machine.last) }
        expecting.removeAll { $0.through <= machine.last }
    }

    private func remove(_ watcher: Watcher) {
        if table.remove(watcher) { registry.counters.watchers.subtract(1, ordering: .relaxed) }
    }

    private func rest(_ watcher: Watcher) {
        remove(watcher)
        resting[ObjectIdentifier(watcher)] = watcher
    }

    /// Finds who wants a record; false, and nothing done, if those are more than `limit`.
    @inline(__always)
    private func match(_ batch: Unmanaged<ChangeBatch>, _ record: Int32, hash: UInt32?, _ limit: Int) -> Bool {
        // What nobody watches need not come into this core's cache.
        if table.isEmpty { return true }
        batch._withUnsafeGuaranteedRef { table.match($0, record, hash: hash, &matched) }
        if matched.count <= limit { return true }
        matched.removeAll()
        return false
    }

    /// Delivers to who was found. `isHandedOver`: with the reference to the batch that the caller has.
    private func deliverToMatched(_ batch: Unmanaged<ChangeBatch>, _ record: Int32, isHandedOver: Bool) {
        registry.counters.countDetail(.dispatched)
        if matched.isEmpty {
            if isHandedOver { batch.release() }
            return
        }
        batch.retain(times: isHandedOver ? matched.count - 1 : matched.count)
        for index in matched.indices {
            if index + Limits.fetchedAhead < matched.count {
                matched[index + Limits.fetchedAhead]._withUnsafeGuaranteedRef { $0.fetch() }
            }
            matched[index]._withUnsafeGuaranteedRef { deliver(batch, record, to: $0) }
        }
        deliveries += matched.count
        matched.removeAll(keepingCapacity: matched.count <= Limits.untoldDeliveries)
        for watcher in refusing {
            registry.counters.overflows.add(1, ordering: .relaxed)
            rest(watcher)
        }
        refusing.removeAll()
        if deliveries - told >= Limits.untoldDeliveries { tell() }
    }

    /// Offers a record, with a reference to the batch.
    @inline(__always)
    private func deliver(_ batch: Unmanaged<ChangeBatch>, _ record: Int32, to watcher: Watcher) {
        switch watcher.offer(batch, record, &calls) {
        case .stored: registry.counters.countDetail(.delivered)
        case .dropped: registry.counters.overflows.add(1, ordering: .relaxed)
        case .refused: refusing.append(watcher)
        }
    }

    private func route(_ update: WatchUpdate) {
        let batch = Unmanaged.passUnretained(update.batch)
        _ = match(batch, update.record, hash: nil, .max)
        deliverToMatched(batch, update.record, isHandedOver: false)
        withExtendedLifetime(update) {}
    }

    /// Tells the readers of what they were delivered.
    private func tell() {
        told = deliveries
        for call in calls { call.make() }
        calls.removeAll(keepingCapacity: calls.count <= Limits.untoldDeliveries)
    }

    /// Reads what the queue had no room for, or tells every watcher that it is lost.
    private func fill(_ hole: DispatchStateMachine.Hole) {
        var next = hole.from
        if let source {
            while next <= hole.through {
                guard
                    let step = try? source.updates(from: next, through: hole.through, limit: Limits.refillUpdates),
                    step.next > next
                else { break }
                for update in step.updates {
                    route(update)
                    registry.counters.refilled.add(1, ordering: .relaxed)
                }
                next = step.next
            }
        }
        if next <= hole.through { lose(from: next, through: hole.through) }
    }

    private func lose(from: Revision, through: Revision) {
        registry.counters.holes.add(1, ordering: .relaxed)
        var refusing: [Watcher] = []
        for watcher in table.watchers where watcher.lose(from: from, through: through) == .refused {
            refusing.append(watcher)
        }
        for watcher in refusing { rest(watcher) }
    }
}
