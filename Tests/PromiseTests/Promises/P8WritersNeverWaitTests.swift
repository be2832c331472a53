import Testing
import Vigil

/// A stuck watcher costs the write path nothing.
@Suite struct P8WritersNeverWait {
    @Test func watchersThatNeverReadStopNobody() async throws {
        try await withStore(tightOptions(queue: 10, buffer: 4)) { store in
            let stuck = try (0..<100).map { _ in try store.watch(.all, from: .revision(1)) }
            // Each reads once, so that it is registered, and then never again.
            async let first = withThrowingTaskGroup(of: Void.self) { group in
                for watch in stuck { group.addTask { _ = try await watch.first { _ in true } } }
                try await group.waitForAll()
            }
            let healthy = try store.watch(.all)
            try await store.put("k", "0")
            try await first
            for index in 0..<2000 { try await store.put("k", Bytes("\(index)")) }
            #expect(try await collect(healthy, through: store.head).count == 2001)
            // What waits for them is bounded: they were parked, and hold no more than their buffers.
            #expect(stuck.allSatisfy { $0.statistics.live + $0.statistics.replayed <= 2 })
            for watch in stuck { watch.cancel() }
        }
    }
}
