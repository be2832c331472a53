import Changes
import Testing

@testable import WatchDispatch

/// Every interleaving of a producer with a queue of one or two places and the dispatcher.
@Suite struct DispatchStateMachineTests {
    @Test(arguments: [1, 2])
    func withASourceEveryRevisionIsDealtWithOnce(_ capacity: Int) {
        var failures: [String] = []
        explore(Model(isContiguous: true, capacity: capacity), depth: 10, &failures)
        #expect(failures == [])
    }

    @Test(arguments: [1, 2])
    func withoutOneEveryLossIsAHoleAtItsPlace(_ capacity: Int) {
        var failures: [String] = []
        explore(Model(isContiguous: false, capacity: capacity), depth: 10, &failures)
        #expect(failures == [])
    }

    private func explore(_ model: Model, depth: Int, _ failures: inout [String]) {
        var end = model
        while end.canDispatch { end.dispatch() }
        end.dispatch()
        if end.next != end.produced + 1, end.failure == nil { end.failure = "ends at \(end.next): \(end.trace)" }
        if let failure = end.failure {
            if failures.count < 3 { failures.append(failure) }
            return
        }
        guard depth > 0 else { return }
        var producing = model
        producing.produce()
        explore(producing, depth: depth - 1, &failures)
        var dispatching = model
        dispatching.dispatch()
        explore(dispatching, depth: depth - 1, &failures)
    }
}

private struct Model {
    var machine: DispatchStateMachine
    let isContiguous: Bool
    let capacity: Int
    var queue: [(revision: Revision, droppedBefore: UInt64)] = []
    var produced: Revision = 0
    var dropped: UInt64 = 0
    var droppedThrough: Revision = 0
    /// The next revision that must be dealt with.
    var next: Revision = 1
    var trace: [String] = []
    var failure: String?

    init(isContiguous: Bool, capacity: Int) {
        self.isContiguous = isContiguous
        self.capacity = capacity
        machine = DispatchStateMachine(isContiguous: isContiguous, last: 0)
    }

    var canDispatch: Bool { !queue.isEmpty }

    mutating func produce() {
        produced += 1
        if queue.count < capacity {
            queue.append((produced, dropped))
            trace.append("push \(produced)")
        } else {
            dropped += 1
            droppedThrough = produced
            trace.append("drop \(produced)")
        }
    }

    mutating func dispatch() {
        guard !queue.isEmpty else {
            if let hole = machine.drained(dropped: dropped, through: droppedThrough) { fill(hole) }
            return
        }
        let popped = queue.removeFirst()
        trace.append("pop \(popped.revision)")
        switch machine.popped(popped.revision, droppedBefore: popped.droppedBefore) {
        case .skip:
            if popped.revision >= next { failure = "skips \(popped.revision): \(trace)" }
        case .route: route(popped.revision)
        case .routeAfter(let hole):
            fill(hole)
            route(popped.revision)
        }
    }

    private mutating func route(_ revision: Revision) {
        if revision != next { failure = "routes \(revision) instead of \(next): \(trace)" }
        next = revision + 1
    }

    private mutating func fill(_ hole: DispatchStateMachine.Hole) {
        if hole.from != next || hole.through < hole.from || hole.through > produced {
            failure = "hole \(hole) where \(next) is next: \(trace)"
        }
        next = hole.through + 1
    }
}
