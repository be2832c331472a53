import Changes
import Testing

@testable import WatchDispatch

/// Every interleaving of the dispatcher's and the reader's steps up to a depth, against the one rule of a watcher: each
/// revision is delivered once and in order, or its loss is told at its place.
@Suite struct WatcherStateMachineTests {
    @Test(arguments: [OverflowPolicy.drop, .park, .cancel], [1, 2])
    func everyInterleaving(_ policy: OverflowPolicy, _ capacity: Int) {
        var explorer = Explorer()
        explorer.explore(World(policy: policy, capacity: capacity), depth: 10)
        #expect(explorer.failures == [])
        #expect(explorer.visited > 10_000)
    }

    @Test func whatWaitsIsReadBeforeTheEnd() {
        var machine = WatcherStateMachine(policy: .drop, capacity: 2)
        machine.join(through: 0)
        _ = machine.offer(update(1).batch, 0)
        machine.finish()
        let signals = [describe(machine.next()), describe(machine.next()), describe(machine.next())]
        #expect(signals == ["joined 0", "update 1", "ended"])
    }

    @Test func aCancelledWatcherHasNothing() {
        var machine = WatcherStateMachine(policy: .park, capacity: 2)
        machine.join(through: 0)
        _ = machine.offer(update(1).batch, 0)
        _ = machine.cancel()
        let (signal, offer) = (describe(machine.next()), machine.offer(update(2).batch, 0))
        #expect(signal == "ended")
        #expect(offer == .refused)
    }
}

func describe(_ signal: WatcherSignal?) -> String {
    switch signal {
    case .joined(let through): "joined \(through)"
    case .update(let update): "update \(update.revision)"
    case .gap(let from, let through): "gap \(from) \(through)"
    case .progress(let revision): "progress \(revision)"
    case .parked(let from): "parked \(from)"
    case .overflowed(let from): "overflowed \(from)"
    case .ended: "ended"
    case nil: "nothing"
    }
}

/// Made once, since worlds are made again and again.
private let updates = (0...20).map { update($0) }

/// A dispatcher that commits revisions 1, 2, 3, … for one watcher, and a reader that keeps account of them.
private struct World: ~Copyable {
    private var machine: WatcherStateMachine
    private let policy: OverflowPolicy
    private let capacity: Int
    private var steps: [Step] = []
    private var last: Revision = 0
    private var isRouted = false
    private var mayRejoin = false
    private var isFinished = false
    private var wasTold = false
    /// Everything up to here was delivered, told to be lost, or is for the log to deliver.
    private var accounted: Revision = 0
    private var trace: [String] = []
    private var isTracing = true
    private(set) var failure: String?

    init(policy: OverflowPolicy, capacity: Int) {
        self.policy = policy
        self.capacity = capacity
        machine = WatcherStateMachine(policy: policy, capacity: capacity)
        join()
    }

    /// One to which the same has happened.
    func copy() -> World {
        var world = World(policy: policy, capacity: capacity)
        world.isTracing = false
        for step in steps { _ = world.take(step) }
        (world.trace, world.isTracing) = (trace, true)
        return world
    }

    enum Step: CaseIterable { case commit, read, rejoin, progress, park, finish }

    private mutating func join() {
        machine.join(through: last)
        isRouted = true
        mayRejoin = false
        wasTold = false
    }

    /// False if the step makes no sense now.
    mutating func take(_ step: Step) -> Bool {
        switch step {
        case .commit:
            guard !isFinished else { return false }
            last += 1
            if isRouted, machine.offer(updates[Int(last)].batch, 0) == .refused { isRouted = false }
            if isTracing { trace.append("commit \(last)") }
        case .read:
            let signal = nextSignal()
            if isTracing { trace.append(describe(signal)) }
            account(signal)
        case .rejoin:
            guard mayRejoin, !isFinished else { return false }
            join()
            if isTracing { trace.append("rejoin") }
        case .finish:
            guard !isFinished else { return false }
            isFinished = true
            machine.finish()
            if isTracing { trace.append("finish") }
        case .park:
            guard machine.park() != nil else { return false }
            // The dispatcher learns of it with the next offer; until then it has nothing for the watcher.
            isRouted = false
            if isTracing { trace.append("park") }
        case .progress:
            guard isRouted, !isFinished else { return false }
            machine.advance(through: last)
            if isTracing { trace.append("advance \(last)") }
        }
        steps.append(step)
        return true
    }

    /// Who was told that there is a signal finds one, and who finds none was not told.
    private mutating func nextSignal() -> WatcherSignal? {
        let isTold = machine.hasSignal
        let signal = machine.next()
        require(isTold == (signal != nil), "told of \(isTold ? "a" : "no") signal, found \(describe(signal))")
        return signal
    }

    private mutating func account(_ signal: WatcherSignal?) {
        switch signal {
        case .joined(let through):
            require(through >= accounted, "joined behind what was read")
            accounted = through
        case .update(let update):
            require(update.revision == accounted + 1, "update \(update.revision) after \(accounted)")
            accounted = update.revision
        case .gap(let from, let through):
            require(policy == .drop && from == accounted + 1 && through >= from, "gap after \(accounted)")
            accounted = through
        case .parked(let from):
            require(policy == .park && from == accounted + 1, "parked at \(from) after \(accounted)")
            mayRejoin = true
            wasTold = true
        case .overflowed(let from):
            require(policy == .cancel && from == accounted + 1, "overflowed at \(from) after \(accounted)")
            wasTold = true
        case .progress(let revision):
            require(revision <= accounted, "progress \(revision) after \(accounted)")
        case .ended:
            require(wasTold || isFinished && accounted == last, "ended after \(accounted) of \(last)")
        case nil:
            require(!isRouted || accounted == last, "nothing to read after \(accounted) of \(last)")
        }
    }

    /// Reads what is left; then everything routed must be accounted for.
    mutating func drain() {
        for _ in 0..<20 {
            let signal = nextSignal()
            account(signal)
            switch signal {
            case nil: return require(!isFinished, "waits for ever")
            case .ended: return
            default: continue
            }
        }
        require(false, "does not come to an end")
    }

    private mutating func require(_ holds: Bool, _ message: String) {
        if !holds, failure == nil { failure = "\(message) in: \(trace.joined(separator: ", "))" }
    }
}

private struct Explorer {
    var visited = 0
    var failures: [String] = []

    mutating func explore(_ world: borrowing World, depth: Int) {
        visited += 1
        var drained = world.copy()
        drained.drain()
        if let failure = drained.failure {
            if failures.count < 3 { failures.append(failure) }
            return
        }
        guard depth > 0 else { return }
        for step in World.Step.allCases {
            var next = world.copy()
            if next.take(step) { explore(next, depth: depth - 1) }
        }
    }
}
