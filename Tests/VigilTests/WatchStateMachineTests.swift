import Changes
import Testing

@testable import RevisionLog
@testable import Vigil
@testable import WatchDispatch

/// Every interleaving of commits, dispatching and reading, up to a depth, of one watch that is joined, parked, replays,
/// rejoins and ends: each revision is delivered once and in order.
@Suite struct WatchStateMachineTests {
    @Test(arguments: [0, 3, 1030], [1, 2])
    func everyInterleaving(_ head: Int, _ capacity: Int) {
        var explorer = Explorer()
        for start in [.earliest, .now, .revision(Revision(head + 3))] as [WatchStart] {
            let world = World(start, head: Revision(head), capacity: capacity)
            explorer.explore(world, World.Step.withoutRest, depth: 9)
        }
        #expect(explorer.failures == [])
        #expect(explorer.visited > 30_000)
    }

    /// The same with a watch that leaves the live flow, and is told by another how far that has come.
    @Test(arguments: [1, 2])
    func everyInterleavingWithRests(_ capacity: Int) {
        var explorer = Explorer()
        for start in [.earliest, .now, .revision(6)] as [WatchStart] {
            var world = World(start, head: 3, capacity: capacity)
            // Into the live flow, where there is something to leave.
            for step in [.read, .dispatch, .read, .read, .read, .read] as [World.Step] { world.take(step) }
            explorer.explore(world, World.Step.allCases, depth: 7)
        }
        #expect(explorer.failures == [])
        #expect(explorer.visited > 30_000)
        #expect(explorer.rested > 1000)
    }

    @Test func aSnapshotIsReadBeforeTheChanges() {
        var machine = WatchStateMachine(.snapshot, keys: .prefix("k"), head: 5, earliest: 1)
        guard case .readState(at: 5, from: "k") = machine.action(head: 7) else {
            Issue.record("the state is not read first")
            return
        }
        let (middle, end) = (machine.stateRead(next: "k5"), machine.stateRead(next: nil))
        #expect(middle == nil)
        guard case .synced(5)? = end, case .join = machine.action(head: 7) else {
            Issue.record("the changes do not follow the state")
            return
        }
        #expect(machine.next == 6)
    }

    @Test func aCompactionIsToldUnlessNothingWasDelivered() {
        let error = StoreError.compacted(requested: 1, earliest: 4)
        var earliest = WatchStateMachine(.earliest, keys: .all, head: 9, earliest: 1)
        let again = earliest.compacted(error)
        #expect(again == nil && earliest.next == 4)
        var last = WatchStateMachine(.last(3), keys: .all, head: 9, earliest: 1)
        #expect(last.next == 7)
        let moved = last.compacted(.compacted(requested: 7, earliest: 8))
        #expect(moved == nil && last.next == 8)
        // A step that found nothing is not a delivery yet.
        earliest.replayed(before: 5)
        let onceMore = earliest.compacted(.compacted(requested: 5, earliest: 6))
        #expect(onceMore == nil && earliest.next == 6)
        earliest.delivered(WatchUpdate(revision: 6, events: [WatchEvent(type: .put, key: "k", revision: 6)]))
        var revision = WatchStateMachine(.revision(1), keys: .all, head: 9, earliest: 1)
        for outcome in [earliest.compacted(.compacted(requested: 7, earliest: 8)), revision.compacted(error)] {
            guard case .fail(let told)? = outcome else {
                Issue.record("a compaction was passed over")
                return
            }
            #expect(told.code == .compacted)
        }
    }
}

/// A store that commits and a dispatcher that follows behind, one watch, and its reader, who keeps account.
private struct World: ~Copyable {
    private let start: WatchStart
    private let firstHead: Revision
    private var steps: [Step] = []
    private var machine: WatchStateMachine
    private var watcher: WatcherStateMachine
    private let capacity: Int
    private var head: Revision
    private var dispatched: Revision
    private var isRouted = false
    private var wantsToJoin = false
    /// Everything up to here was delivered, or is not for this watch.
    private var accounted: Revision
    private(set) var failure: String?

    /// How often it has left the live flow.
    private(set) var rests = 0

    enum Step: CaseIterable {
        case commit, dispatch, read, rest

        static let withoutRest: [Step] = [.commit, .dispatch, .read]
    }

    init(_ start: WatchStart, head: Revision, capacity: Int) {
        self.start = start
        firstHead = head
        self.head = head
        self.capacity = capacity
        dispatched = head
        machine = WatchStateMachine(start, keys: .all, head: head, earliest: 1)
        watcher = WatcherStateMachine(policy: .park, capacity: capacity)
        accounted = machine.next - 1
    }

    /// One to which the same has happened.
    func copy() -> World {
        var world = World(start, head: firstHead, capacity: capacity)
        for step in steps { world.take(step) }
        return world
    }

    mutating func take(_ step: Step) {
        steps.append(step)
        switch step {
        case .commit: head += 1
        case .dispatch: dispatch()
        case .read: read()
        case .rest: rest()
        }
    }

    /// What was dispatched meanwhile somebody else has delivered.
    private mutating func rest() {
        guard machine.rest() else { return }
        rests += 1
        watcher = WatcherStateMachine(policy: .park, capacity: capacity)
        isRouted = false
        machine.replayed(before: dispatched + 1)
        accounted = max(accounted, dispatched)
    }

    private mutating func dispatch() {
        // What is registered is so before the next update is routed.
        if wantsToJoin {
            wantsToJoin = false
            isRouted = true
            watcher.join(through: dispatched)
        }
        guard dispatched < head else { return }
        dispatched += 1
        let update = WatchUpdate(
            revision: dispatched, events: [WatchEvent(type: .put, key: "k", revision: dispatched)])
        if isRouted, watcher.offer(update.batch, update.record) == .refused { isRouted = false }
    }

    private mutating func read() {
        switch machine.action(head: head) {
        case .deliver(let element): deliver(element)
        case .replay(let through):
            // A step of the log may end anywhere; here after two thirds.
            let end = max(machine.next, machine.next + (through - machine.next) * 2 / 3)
            require(machine.next == accounted + 1 && end <= head, "replays from \(machine.next)")
            accounted = end
            machine.replayed(before: end + 1)
        case .join: wantsToJoin = true
        case .awaitSignal:
            guard let signal = watcher.next() else { return }
            if case .deliver(let element)? = machine.received(signal) { deliver(element) }
        case .readState, .fail, .end: require(false, "an action that makes no sense")
        }
    }

    private mutating func deliver(_ element: WatchElement) {
        switch element {
        case .update(let update):
            require(update.revision == accounted + 1, "\(update.revision) after \(accounted)")
            accounted = update.revision
        case .progress(let revision): require(revision <= accounted, "progress \(revision) after \(accounted)")
        case .state, .synced, .gap: require(false, "an element that makes no sense")
        }
    }

    /// Lets everybody finish; then everything must have been delivered.
    mutating func drain() {
        for _ in 0..<60 {
            dispatch()
            read()
        }
        require(accounted >= head, "ends at \(accounted) of \(head)")
    }

    private mutating func require(_ holds: Bool, _ message: String) {
        if !holds, failure == nil { failure = "\(message): \(start) at \(firstHead), \(steps)" }
    }
}

private struct Explorer {
    var visited = 0
    var failures: [String] = []
    /// Worlds whose watch has left the live flow.
    var rested = 0

    mutating func explore(_ world: borrowing World, _ steps: [World.Step], depth: Int) {
        visited += 1
        if world.rests > 0 { rested += 1 }
        var drained = world.copy()
        drained.drain()
        if let failure = drained.failure {
            if failures.count < 3 { failures.append(failure) }
            return
        }
        guard depth > 0 else { return }
        for step in steps {
            var next = world.copy()
            next.take(step)
            explore(next, steps, depth: depth - 1)
        }
    }
}
