import Changes
import Synchronization
import TestSupport
import Testing

@testable import WatchDispatch

/// Who announces may dispatch in the dispatcher's place while that sleeps.
@Suite struct AnnounceTests {
    private func batch(_ first: Revision, _ keys: [Bytes]) -> ChangeBatch {
        let events = keys.map { WatchEvent(type: .put, key: $0, revision: first) }
        let all = ChangeBatch(revision: first, events: events)
        return ChangeBatch(
            firstRevision: first, storage: all.storage, entries: all.entries,
            recordStarts: (0...keys.count).map { UInt32($0) }, commitTimes: all.commitTimes)
    }

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

    @Test func theDispatcherIsWokenForWhatIsMuch() async throws {
        let registry = WatchRegistry(config: WatchConfig(watcherBufferSize: 1000))
        let dispatcher = WatchDispatcher(registry: registry)
        try await withDispatcher(registry, dispatcher) {
            let handles = (0...Limits.deliveriesInPlace).map { _ in registry.register(.all) }
            try await asleep(registry)
            // How much it would be is known from the round before.
            dispatcher.announce(batch(1, ["a"]))
            #expect(registry.metrics.dispatchedThrough == 1)
            dispatcher.announce(batch(2, ["a"]))
            try await until { registry.metrics.dispatchedThrough == 2 }
            let many = Limits.updatesInPlace + 1
            dispatcher.announce(batch(3, Array(repeating: "a", count: many)))
            for handle in handles {
                let seen = try await revisions(handle, 2 + many)
                #expect(seen == (1...2 + many).map { Revision($0) })
            }
        }
    }

    @Test func nothingIsLostBetweenCallersAndTheDispatcher() async throws {
        let total = 30_000
        let registry = WatchRegistry(config: WatchConfig(eventQueueSize: total, watcherBufferSize: total))
        let dispatcher = WatchDispatcher(registry: registry)
        try await withDispatcher(registry, dispatcher) {
            let steady = registry.register(.all)
            let announcing = Task.detached {
                var revision: Revision = 1
                while revision <= total {
                    dispatcher.announce(batch(revision, ["k"]))
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
