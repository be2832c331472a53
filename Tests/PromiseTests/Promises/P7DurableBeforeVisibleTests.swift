import RevisionLog
import Synchronization
import TestSupport
import Testing
import Threads

@testable import Vigil

/// No event is delivered before its record is as durable as the store's level promises.
@Suite struct P7DurableBeforeVisible {
    @Test func nothingIsVisibleBeforeTheFlush() async throws {
        try await withTemporaryDirectory { path in
            // A disk whose flush waits until it is told to go on.
            let mayFlush = Monitor(true)
            let isWaiting = Monitor(false)
            let faults = JournalFaults(beforeFlush: {
                isWaiting.notify { $0 = !mayFlush.withLock { $0 } }
                mayFlush.wait { $0 ? true : nil }
            })
            let store = try await WatchStore.open(path, options: tightOptions(), faults: faults)
            try await store.put("a", "1")
            let watch = try store.watch(.all, from: .revision(2))
            mayFlush.withLock { $0 = false }
            async let writing = store.put("a", "2")
            _ = try await onThread { isWaiting.wait { $0 ? true : nil } }
            #expect(store.head == 1)
            #expect(try store.get("a")?.value == "1")
            #expect(watch.statistics.live + watch.statistics.replayed == 0)
            mayFlush.notify { $0 = true }
            #expect(try await writing == 2)
            #expect(try await collect(watch, through: 2).map(\.revision) == [2])
            try await store.close()
        }
    }

    @Test func aFailedFlushIsNeverRetriedAndShowsNothing() async throws {
        try await withTemporaryDirectory { path in
            let fails = Monitor(false)
            let faults = JournalFaults(beforeFlush: { () throws(StoreError) in
                if fails.withLock({ $0 }) { throw StoreError(.io, "the disk is on fire") }
            })
            let store = try await WatchStore.open(path, options: tightOptions(), faults: faults)
            try await store.put("a", "1")
            fails.withLock { $0 = true }
            await #expect { try await store.put("a", "2") } throws: { ($0 as? StoreError)?.code == .readOnly }
            fails.withLock { $0 = false }
            await #expect { try await store.put("a", "3") } throws: { ($0 as? StoreError)?.code == .readOnly }
            #expect(store.head == 1)
            #expect(try store.get("a")?.value == "1")
            #expect(try await collect(store.watch(.all, from: .earliest), through: 1).count == 1)
            try? await store.close()
        }
    }
}
