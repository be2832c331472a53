import Testing

@testable import Vigil

/// Nothing in the retained history is skipped; where history is gone the watch fails loudly.
@Suite(.timeLimit(.minutes(1))) struct P3Reliable {
    @Test("C10 what is delivered is the slice of the log", arguments: [1, 1000], [1, 10])
    func everythingArrives(_ queue: Int, _ buffer: Int) async throws {
        try await withStore(tightOptions(queue: queue, buffer: buffer)) { store in
            for (range, updates) in try await watchAll(store) {
                #expect(updates.flatMap(\.events) == (try logged(store, range)), "\(range)")
            }
        }
    }

    @Test("C18 a watch registered while commits are made misses none after it")
    func registrationRacesCommits() async throws {
        try await withStore { store in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await writeConcurrently(store, writers: 4, each: 150) }
                for _ in 0..<4 {
                    group.addTask {
                        for _ in 0..<25 {
                            let before = store.head
                            let watch = try store.watch(.all)
                            let after = store.head
                            let target = before + 5
                            try await store.put("nudge", "1")
                            while store.head < target { try await store.put("nudge", "1") }
                            let updates = try await collect(watch, through: target)
                            let seen = updates.map(\.revision)
                            let first = try #require(seen.first)
                            #expect(seen == Array(first...(seen.last ?? first)))
                            // The start lies between the call's beginning and its end.
                            #expect(first > before && first <= after + 1)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("C12 a slow watcher catches up, however often it is parked")
    func slowWatchersCatchUp() async throws {
        try await withStore { store in
            let watch = try store.watch(.all)
            var elements = watch.makeAsyncIterator()
            for round in 0..<20 {
                for _ in 0..<50 { try await store.put("k", "\(round)") }
                guard case .update = try await elements.next() else { continue }
            }
            let updates = try await collect(watch, through: store.head)
            #expect(updates.last?.revision == store.head)
            #expect(watch.statistics.parked > 0)
            #expect(watch.statistics.live + watch.statistics.replayed == 1000)
        }
    }

    /// Parked and back, twenty times, in the middle of the writing.
    @Test(.timeLimit(.minutes(1))) func aParkedWatcherRejoinsWhileWritersGoOn() async throws {
        try await withStore { store in
            let reading = try await LiveReading(store.watch(.all))
            while reading.watch.statistics.parked < 20 {
                try Task.checkCancellation()
                _ = try await store.transactions((0..<20).map { Transaction(then: [.put("k", Bytes("\($0)"))]) })
            }
            let seen = updates(in: try await reading.finish(through: store.head)).map(\.revision)
            #expect(seen == Array(1...store.head))
            let statistics = reading.watch.statistics
            #expect(statistics.live >= 20 && statistics.live + statistics.replayed == store.head)
        }
    }

    @Test func watchersComeAndGoByTheThousand() async throws {
        try await withStore(tightOptions(queue: 100, buffer: 2)) { store in
            let steady = try await LiveReading(store.watch(.all))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await writeConcurrently(store, writers: 4, each: 200) }
                for worker in 0..<4 {
                    group.addTask {
                        for index in 0..<500 {
                            let watch = try store.watch(ranges[(worker + index) % ranges.count], from: .earliest)
                            // Read far enough to be registered, or not at all.
                            watch.requestProgress()
                            var elements = watch.makeAsyncIterator()
                            if index % 3 != 0 { #expect(try await elements.next() != nil) }
                            if index % 2 == 0 { watch.cancel() }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(updates(in: try await steady.finish(through: store.head)).count == store.head)
            try await waitForTheDispatcher(of: store)
            #expect(store.registry.metrics.watchers <= 2)
        }
    }
}
