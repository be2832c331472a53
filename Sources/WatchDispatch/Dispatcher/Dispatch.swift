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
        while popped.count < Limits.dispatchBatch, let next = registry.queue.pop() { popped.append(next) }
        let commands = registry.takeCommands()
        for command in commands { carryOut(command) }
        if popped.isEmpty {
            guard let hole = machine.drained(dropped: dropped.count, through: dropped.through) else {
                return commands.count
            }
            fill(hole)
            settle()
            return commands.count + 1
        }
        (deliveries, told) = (0, 0)
        table.fetch(popped)
        for (index, next) in popped.enumerated() {
            let hash = table.hash(ofFetched: index)
            next.batch._withUnsafeGuaranteedRef { take($0, next.record, droppedBefore: next.droppedBefore, hash: hash) }
        }
        settle()
        for next in popped { next.batch.release() }
        defer { popped.removeAll(keepingCapacity: true) }
        return popped.count + commands.count
    }

    /// Deals with one record that was on the queue.
    private func take(_ batch: ChangeBatch, _ record: Int32, droppedBefore: UInt64, hash: UInt32?) {
        switch machine.popped(batch.firstRevision + Int64(record), droppedBefore: droppedBefore) {
        case .skip: break
        case .route: route(batch, record, hash: hash)
        case .routeAfter(let hole):
            fill(hole)
            route(batch, record, hash: hash)
        }
    }

    /// Whether a round will take hardly any time, as far as can be told: there are neither registrations nor holes, and the
    /// updates before these went to few watchers.
    var isLight: Bool {
        deliveries <= Limits.deliveriesInPlace && !registry.hasCommands
            && registry.queue.dropped.count == machine.droppedSeen
    }

    /// How many drops were dealt with.
    var droppedSeen: UInt64 { machine.droppedSeen }

    /// Nothing more will be dispatched.
    func finish() {
        for watcher in table.watchers { watcher.finish() }
        for watcher in resting.values { watcher.finish() }
        registry.counters.watchers.store(0, ordering: .relaxed)
        registry.counters.parked.store(0, ordering: .relaxed)
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

    private func route(_ batch: ChangeBatch, _ record: Int32, hash: UInt32?) {
        registry.counters.countDetail(.dispatched)
        // What nobody watches need not come into this core's cache.
        if table.isEmpty { return }
        table.match(batch, record, hash: hash, &matched)
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

    @inline(__always)
    private func deliver(_ batch: ChangeBatch, _ record: Int32, to watcher: Watcher) {
        let (offer, call) = watcher.offer(batch, record)
        if case .nobody = call {} else { calls.append(call) }
        switch offer {
        case .stored: registry.counters.countDetail(.delivered)
        case .dropped: registry.counters.overflows.add(1, ordering: .relaxed)
        case .refused: refusing.append(watcher)
        }
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
                    route(update.batch, update.record, hash: nil)
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
