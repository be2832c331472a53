import Testing
import Vigil

/// Nothing in the retained history is skipped; where history is gone the watch fails loudly.
@Suite struct P3Reliable {
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

    @Test("C16 a compaction that races a replay is told, or changes nothing")
    func compactionRacesReplay() async throws {
        try await withStore { store in
            try await writeConcurrently(store)
            let head = store.head
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for revision in stride(from: Revision(50), to: head, by: 50) {
                        try await store.compact(through: revision)
                    }
                }
                for _ in 0..<40 {
                    group.addTask {
                        let from = store.earliest
                        do {
                            let updates = try await collect(store.watch(.all, from: .revision(from)), through: head)
                            #expect(updates.map(\.revision) == Array(from...head))
                        } catch let error as StoreError where error.code == .compacted {
                            #expect(error.earliest! > from)
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

    @Test("C14 the compaction revision can be watched, the one before cannot")
    func startsAtTheCompactionRevision() async throws {
        try await withStore { store in
            for index in 1...9 { try await store.put("k", "\(index)") }
            try await store.delete("k")
            try await store.put("k", "11")
            try await store.compact(through: 10)
            let updates = try await collect(store.watch(.key("k"), from: .revision(10)), through: 11)
            #expect(updates.flatMap(\.events).map(\.type) == [.delete, .put])
            let tooEarly = try store.watch(.key("k"), from: .revision(9))
            await #expect(throws: StoreError.compacted(requested: 9, earliest: 10)) {
                for try await _ in tooEarly {}
            }
        }
    }

    @Test func theEarliestStartCannotLoseTheRace() async throws {
        try await withStore { store in
            try await writeConcurrently(store, writers: 2, each: 200)
            let head = store.head
            for revision in stride(from: Revision(10), to: head - 10, by: 10) {
                let watch = try store.watch(.all, from: .earliest)
                try await store.compact(through: revision)
                let updates = try await collect(watch, through: head)
                #expect(updates.map(\.revision) == Array(revision...head))
            }
        }
    }

    @Test func watchersComeAndGoByTheThousand() async throws {
        try await withStore(tightOptions(queue: 100, buffer: 2)) { store in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await writeConcurrently(store, writers: 4, each: 200) }
                for worker in 0..<4 {
                    group.addTask {
                        for index in 0..<500 {
                            let watch = try store.watch(ranges[(worker + index) % ranges.count], from: .earliest)
                            var elements = watch.makeAsyncIterator()
                            if index % 3 == 0, store.head > 50 { _ = try await elements.next() }
                            if index % 2 == 0 { watch.cancel() }
                        }
                    }
                }
                try await group.waitForAll()
            }
            let updates = try await collect(store.watch(.all, from: .earliest), through: store.head)
            #expect(updates.count == Int(store.head))
        }
    }
}
