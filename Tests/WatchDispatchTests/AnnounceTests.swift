import Changes
import Synchronization
import TestSupport
import Testing
import Threads

@testable import WatchDispatch

/// Who announces may dispatch in the dispatcher's place while that sleeps.
@Suite struct AnnounceTests {
    /// Waits until the dispatcher has dealt with what it was told, and sleeps.
    private func asleep(_ registry: WatchRegistry) async throws {
        try await until { registry.wakeUp.isAsleep }
    }

    @Test func theCallersThreadDelivers() async throws {
        let registry = WatchRegistry()
        let dispatcher = WatchDispatcher(registry: registry)
        try await withDispatcher(registry, dispatcher) {
            let handle = registry.register(.key("a"))
            try await asleep(registry)
            dispatcher.announce(batch(1, ["a", "b", "a"]))
            // Delivered before `announce` returned, and nobody was woken.
            #expect(registry.wakeUp.isAsleep)
            #expect(registry.metrics.dispatchedThrough == 3)
            let seen = try await revisions(handle, 2)
            #expect(seen == [1, 3])
        }
    }

    @Test func whoNotifiesDeliversToOneReader() async throws {
        let registry = WatchRegistry()
        let dispatcher = WatchDispatcher(registry: registry)
        try await withDispatcher(registry, dispatcher) {
            let handle = registry.register(.key("a"))
            try await asleep(registry)
            registry.notify(batch(1, ["a"]))
            #expect(registry.wakeUp.isAsleep && registry.metrics.dispatchedThrough == 1)
            let other = registry.register(.key("a"))
            for revision in 2...4 as ClosedRange<Revision> {
                try await asleep(registry)
                registry.notify(batch(revision, ["a"]))
                try await until { registry.metrics.dispatchedThrough == revision }
            }
            #expect(try await revisions(handle, 4) == [1, 2, 3, 4])
            #expect(try await revisions(other, 3) == [2, 3, 4])
        }
    }

    /// What a caller does in place of a dispatcher that the test itself is.
    private func standingIn(
        _ limit: Int, source: (any UpdateSource)? = nil,
        _ body: (WatchRegistry, Dispatch, () -> Bool) async throws -> Void
    ) async throws {
        let registry = WatchRegistry()
        let dispatch = Dispatch(registry: registry, source: source, last: 0)
        let sleeping = Task { await registry.wakeUp.sleep { false } }
        try await asleep(registry)
        try await body(registry, dispatch) { dispatch.standIn(deliveries: limit) }
        registry.wakeUp.wake()
        await sleeping.value
        dispatch.finish()
    }

    @Test func whatManyWatchersWantIsLeft() async throws {
        try await standingIn(2) { registry, dispatch, standIn in
            let few = (0..<2).map { _ in registry.register(.key("few")) }
            let many = (0..<3).map { _ in registry.register(.key("many")) }
            // Nobody stands in for who has registrations to look at.
            #expect(registry.wakeUp.isAsleep == false)
            while dispatch.round() > 0 {}
            registry.enqueue(batch(1, ["few", "none", "many", "few"]))
            let sleeping = Task { await registry.wakeUp.sleep { false } }
            try await asleep(registry)
            #expect(standIn())
            #expect(registry.metrics.dispatchedThrough == 2)
            #expect(!registry.wakeUp.isAsleep, "the dispatcher is woken for the rest")
            #expect(dispatch.round() == 2)
            #expect(registry.metrics.dispatchedThrough == 4)
            for handle in few { #expect(try await revisions(handle, 2) == [1, 4]) }
            for handle in many { #expect(try await revisions(handle, 1) == [3]) }
            await sleeping.value
        }
    }

    @Test func aHoleIsLeft() async throws {
        let gate = Monitor(true)
        try await standingIn(2, source: GatedLog(gate: gate)) { registry, dispatch, standIn in
            registry.enqueue(batch(1, ["a"]))
            registry.enqueue(batch(3, ["a"]))
            #expect(standIn())
            #expect(registry.metrics.dispatchedThrough == 0 && registry.metrics.refilled == 0)
            #expect(!registry.wakeUp.isAsleep)
            registry.enqueue(batch(4, ["a"]))
            #expect(dispatch.round() == 3)
            #expect(registry.metrics.dispatchedThrough == 4 && registry.metrics.refilled == 1)
        }
    }

    @Test func inABurstTheDispatcherIsWoken() async throws {
        let registry = WatchRegistry()
        let dispatcher = WatchDispatcher(registry: registry)
        try await withDispatcher(registry, dispatcher) {
            let handle = registry.register(.key("a"))
            for revision in 1...3 as ClosedRange<Revision> {
                try await asleep(registry)
                registry.enqueue(batch(revision, ["a"]))
                let isFirst = revision == 1
                let stoodIn = dispatcher.dispatch.standIn(deliveries: 1, pause: .seconds(3600))
                #expect(stoodIn)
                if isFirst { #expect(registry.wakeUp.isAsleep && registry.metrics.dispatchedThrough == 1) }
                try await until { registry.metrics.dispatchedThrough == revision }
            }
            #expect(try await revisions(handle, 3) == [1, 2, 3])
        }
    }

    /// A source may block: only the dispatcher waits for it.
    @Test(arguments: [false, true]) func whoAnnouncesNeverReads(_ notifies: Bool) async throws {
        let gate = Monitor(false)
        let registry = WatchRegistry()
        let dispatcher = WatchDispatcher(registry: registry, source: GatedLog(gate: gate))
        try await withDispatcher(registry, dispatcher) {
            let handle = registry.register(.key("a"))
            try await asleep(registry)
            // A thread of its own, since the dispatcher's task may block the only one that tasks have.
            let announcing = OSThread {
                for revision in [3, 4] as [Revision] {
                    if notifies {
                        registry.notify(batch(revision, ["a"]))
                    } else {
                        dispatcher.announce(batch(revision, ["a"]))
                    }
                }
                gate.notify { $0 = true }
            }
            let seen = try await revisions(handle, 4)
            #expect(seen == [1, 2, 3, 4])
            announcing.join()
            #expect(registry.metrics.refilled == 2 && registry.metrics.holes == 0)
        }
    }

    @Test func theDispatcherIsWokenForWhatIsMuch() async throws {
        let registry = WatchRegistry(config: WatchConfig(watcherBufferSize: 1000))
        let dispatcher = WatchDispatcher(registry: registry)
        try await withDispatcher(registry, dispatcher) {
            let handles = (0...Limits.deliveriesInPlace).map { _ in registry.register(.all) }
            try await asleep(registry)
            for revision in 1...2 as ClosedRange<Revision> {
                dispatcher.announce(batch(revision, ["a"]))
                try await until { registry.metrics.dispatchedThrough == revision }
            }
            let many = Limits.updatesInPlace + 1
            dispatcher.announce(batch(3, Array(repeating: "a", count: many)))
            for handle in handles {
                let seen = try await revisions(handle, 2 + many)
                #expect(seen == (1...2 + many).map { Revision($0) })
            }
        }
    }

    @Test(arguments: [false, true]) func nothingIsLostBetweenCallersAndTheDispatcher(_ notifies: Bool) async throws {
        let total = 30_000
        let registry = WatchRegistry(config: WatchConfig(eventQueueSize: total, watcherBufferSize: total))
        let dispatcher = WatchDispatcher(registry: registry)
        try await withDispatcher(registry, dispatcher) {
            let steady = registry.register(.all)
            let announcing = Task.detached {
                var revision: Revision = 1
                while revision <= total {
                    let update = batch(revision, ["k"])
                    if notifies { registry.notify(update) } else { dispatcher.announce(update) }
                    revision += 1
                    // Lets the dispatcher fall asleep now and then, so that both ways are taken.
                    if revision % 64 == 0 { await Task.yield() }
                }
            }
            // Registrations wake the dispatcher in between.
            let registering = Task.detached {
                while registry.metrics.dispatchedThrough < total {
                    _ = registry.register(.key("other"))
                    await Task.yield()
                }
            }
            let seen = try await revisions(steady, total)
            #expect(seen == (1...total).map { Revision($0) })
            await announcing.value
            await registering.value
        }
    }

    @Test func cancelledWhileSomebodyStandsIn() async throws {
        let wakeUp = WakeUp()
        let sleeping = Task { await wakeUp.sleep { false } }
        try await until { wakeUp.isAsleep }
        let stoodIn = wakeUp.standIn {
            sleeping.cancel()
        } unless: {
            false
        }
        #expect(stoodIn)
        // Or it would never be woken.
        await sleeping.value
    }

    @Test func wokenWhileSomebodyStandsIn() async throws {
        let wakeUp = WakeUp()
        let hasWork = Atomic(false)
        let sleeping = Task { await wakeUp.sleep { false } }
        try await until { wakeUp.isAsleep }
        let stoodIn = wakeUp.standIn {
            hasWork.store(true, ordering: .sequentiallyConsistent)
            wakeUp.wake()
        } unless: {
            hasWork.load(ordering: .sequentiallyConsistent)
        }
        #expect(stoodIn)
        await sleeping.value
        let again = wakeUp.standIn {
        } unless: {
            false
        }
        #expect(!again)
    }
}

/// Has every revision, when the gate is open.
private struct GatedLog: UpdateSource {
    let gate: Monitor<Bool>

    func updates(from: Revision, through: Revision, limit: Int) throws -> (updates: [WatchUpdate], next: Revision) {
        gate.wait { $0 ? () : nil }
        let updates = (from...through).map { revision in
            WatchUpdate(revision: revision, events: [WatchEvent(type: .put, key: "a", revision: revision)])
        }
        return (updates, through + 1)
    }
}
