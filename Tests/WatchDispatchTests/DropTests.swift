import Changes
import Testing
import Threads

@testable import WatchDispatch

/// What a full queue drops is told or repaired, also when nothing comes after it.
@Suite struct DropTests {
    @Test func aDropIsWorkThoughTheQueueIsEmpty() {
        let registry = WatchRegistry(config: WatchConfig(eventQueueSize: 1))
        #expect(!registry.hasWork(droppedSeen: 0))
        registry.notify(update(1))
        registry.notify(update(2))
        registry.queue.pop()?.release()
        #expect(registry.hasWork(droppedSeen: 0))
        #expect(!registry.hasWork(droppedSeen: 1))
    }

    /// A drop may fall between the dispatcher's last look at the queue and its sleep.
    @Test(.timeLimit(.minutes(1))) func aDropBeforeTheSleepIsRepaired() async {
        let registry = WatchRegistry(config: WatchConfig(eventQueueSize: 1, watcherBufferSize: 8))
        await withDispatcher(registry, source: EveryRevision()) {
            let handle = registry.register(.all, overflow: .park)
            var last: Revision = 0
            for _ in 0..<4000 {
                let target = last + 2
                registry.notify(update(target - 1))
                registry.notify(update(target))
                while last < target {
                    switch await handle.nextSignal() {
                    case .update(let update):
                        #expect(update.revision == last + 1)
                        last = update.revision
                    case .joined(let through): last = max(last, through)
                    case let signal:
                        Issue.record("\(signal), though a buffer of eight cannot overflow")
                        return
                    }
                }
            }
        }
    }

    /// Without a log: who registered before updates were announced gets each, or a gap for it, in order.
    @Test(.timeLimit(.minutes(1))) func aNewWatcherIsToldOfDropsAfterItsRegistration() async throws {
        let registry = WatchRegistry(config: WatchConfig(eventQueueSize: 1, watcherBufferSize: 8))
        try await withDispatcher(registry) {
            for round in Revision(1)...4000 {
                let handle = registry.register(.all)
                registry.notify(update(2 * round - 1))
                registry.notify(update(2 * round))
                var accounted = 2 * round - 2
                var reader = handle.makeAsyncIterator()
                while accounted < 2 * round {
                    switch try #require(await reader.next()) {
                    case .update(let update):
                        #expect(update.revision == accounted + 1)
                        accounted = update.revision
                    case .gap(let from, let through):
                        #expect(from <= accounted + 1 && through > accounted, "\(from) \(through) \(accounted)")
                        accounted = through
                    case .parked: Issue.record("it does not park")
                    }
                }
            }
        }
    }
}
