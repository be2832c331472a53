import RevisionLog
import TestSupport
import Testing
import Threads

@testable import Vigil

/// No event is delivered before its record is as durable as the store's level promises.
@Suite(.timeLimit(.minutes(1))) struct P7DurableBeforeVisible {
    /// A disk whose flushes wait while they are held back.
    private final class HeldDisk: Sendable {
        private let isHeld = Monitor(false)
        private let isWaiting = Monitor(false)

        var faults: JournalFaults {
            JournalFaults(beforeFlush: { [isHeld, isWaiting] in
                isWaiting.notify { [held = isHeld.withLock { $0 }] in $0 = held }
                isHeld.wait { $0 ? nil : true }
            })
        }

        func hold() { isHeld.withLock { $0 = true } }
        func release() { isHeld.notify { $0 = false } }

        /// Returns when a flush is held back.
        func waitsForIt() async throws { _ = try await onThread { [isWaiting] in isWaiting.wait { $0 ? true : nil } } }
    }

    @Test func nothingIsVisibleBeforeTheFlush() async throws {
        try await withTemporaryDirectory { path in
            let disk = HeldDisk()
            let store = try await WatchStore.open(path, options: tightOptions(), faults: disk.faults)
            try await store.put("a", "1")
            let live = try await LiveReading(store.watch(.all))
            disk.hold()
            async let writing = store.put("a", "2")
            defer { disk.release() }
            try await disk.waitsForIt()

            #expect(store.head == 1)
            #expect(try store.get("a")?.value == "1")
            #expect(try store.range(.all).keyValues.map(\.value) == ["1"])
            #expect(try store.history(of: "a").map(\.revision) == [1])
            #expect(try logged(store).map(\.revision) == [1])
            #expect(throws: StoreError.self) { try store.show(2) }
            // Each of these ends with progress at 1, behind which nothing waits.
            #expect(try await collect(store.watch(.all, from: .earliest), through: 1).map(\.revision) == [1])
            let state = try await collectElements(store.watch(.all, from: .snapshot), through: 1)
            #expect(updates(in: state).isEmpty)
            guard case .state(let page)? = state.first else {
                Issue.record("the state does not come first")
                return
            }
            #expect(page.map(\.value) == ["1"])
            #expect(live.watch.resumeRevision == 2)
            #expect(live.watch.statistics.live == 0)

            disk.release()
            #expect(try await writing == 2)
            #expect(updates(in: try await live.finish(through: 2)).map(\.revision) == [2])
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
            let live = try await LiveReading(store.watch(.all))
            fails.withLock { $0 = true }
            await #expect { try await store.put("a", "2") } throws: { ($0 as? StoreError)?.code == .readOnly }
            fails.withLock { $0 = false }
            await #expect { try await store.put("a", "3") } throws: { ($0 as? StoreError)?.code == .readOnly }
            // Reads and watches go on, the old and the new.
            #expect(store.head == 1)
            #expect(try store.get("a")?.value == "1")
            #expect(try await collect(store.watch(.all, from: .earliest), through: 1).count == 1)
            #expect(updates(in: try await live.finish(through: 1)).isEmpty)
            try? await store.close()
        }
    }

    /// What a writer's thread was told of its write and of its answer, in order.
    private final class LedPut: Sendable {
        let told = Lock<[String]>([])

        func leading() -> Leading<Revision> {
            Leading {
                _ = OSThread($0)
            } prepare: { [told] revision in
                told.withLock { $0.append("\(revision)") }
                return { stands in told.withLock { $0.append(stands ? "stands" : "void") } }
            }
        }
    }

    /// Puts until the next put would be led by its writer's thread.
    private func putUntilLed(_ store: WatchStore) async throws {
        let (_, committer) = try store.requireCommitter()
        // A put is answered before its group is over, and a slow flush is not the disk's last word.
        while !committer.mayBeLed {
            try Task.checkCancellation()
            try await store.put("a", "1")
            await Task.yield()
        }
    }

    /// An answer may be made while the disk still writes; it leaves after the flush.
    @Test func anAnswerThatIsPreparedWaitsForTheFlush() async throws {
        try await withTemporaryDirectory { path in
            let disk = HeldDisk()
            let store = try await WatchStore.open(path, options: tightOptions(), faults: disk.faults)
            try await putUntilLed(store)
            let head = store.head
            let put = LedPut()
            disk.hold()
            async let writing = store.put("a", "2", leading: put.leading())
            defer { disk.release() }
            try await disk.waitsForIt()

            #expect(put.told.withLock { $0 } == ["\(head + 1)"])
            #expect(store.head == head)
            #expect(try store.get("a")?.value == "1")

            disk.release()
            #expect(try await writing == head + 1)
            #expect(put.told.withLock { $0 } == ["\(head + 1)", "stands"])
            try await store.close()
        }
    }

    @Test func anAnswerIsVoidIfTheFlushFails() async throws {
        try await withTemporaryDirectory { path in
            let fails = Monitor(false)
            let faults = JournalFaults(beforeFlush: { () throws(StoreError) in
                if fails.withLock({ $0 }) { throw StoreError(.io, "the disk is on fire") }
            })
            let store = try await WatchStore.open(path, options: tightOptions(), faults: faults)
            try await putUntilLed(store)
            let head = store.head
            let put = LedPut()
            fails.withLock { $0 = true }
            await #expect {
                try await store.put("a", "2", leading: put.leading())
            } throws: {
                ($0 as? StoreError)?.code == .readOnly
            }
            #expect(put.told.withLock { $0 } == ["\(head + 1)", "void"])
            #expect(store.head == head)
            try? await store.close()
        }
    }
}
