import TestSupport
import Testing
import Vigil

/// Bugs that a well-known store of this kind had in its watches, by their numbers there, each as the situation in which
/// it showed.
@Suite(.timeLimit(.minutes(1))) struct KnownBugTests {
    // Progress was told before the events that it covers were sent.
    @Test func bug15220ProgressWaitsForTheEventsBeforeIt() async throws {
        try await withStore { store in
            let watch = try store.watch(.all)
            for index in 1...200 {
                try await store.put("k", Bytes("\(index)"))
                watch.requestProgress()
            }
            var delivered: Revision = 0
            for try await element in watch {
                if case .update(let update) = element { delivered = update.revision }
                if case .progress(let revision) = element { #expect(revision <= delivered) }
                if delivered == 200 { break }
            }
        }
    }

    // After the store was replaced by a snapshot a watch saw old revisions again.
    @Test func bug15271NothingOldAfterAReopening() async throws {
        try await withTemporaryDirectory { path in
            var store = try await WatchStore.open(path, options: tightOptions())
            for index in 1...30 { try await store.put("k", Bytes("\(index)")) }
            try await store.close()
            store = try await WatchStore.open(path, options: tightOptions())
            let watch = try store.watch(.all)
            try await store.put("k", "31")
            #expect(try await collect(watch, through: 31).map(\.revision) == [31])
            try await store.close()
        }
    }

    // Events of a transaction came twice, from a buffer that was read while it was written.
    @Test func bug17247TransactionsUnderReadersAreDeliveredOnce() async throws {
        try await withStore { store in
            let live = try await LiveReading(store.watch(.all))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await writeConcurrently(store, writers: 3, each: 60) }
                group.addTask { for _ in 0..<300 { _ = try store.range(.all) } }
                try await group.waitForAll()
            }
            let seen = updates(in: try await live.finish(through: store.head))
            #expect(seen.flatMap(\.events) == (try logged(store)))
        }
    }

    // With one stream starved, its events were lost when it was moved between groups.
    @Test func bug17529AStarvedWatcherLosesNothing() async throws {
        try await withStore { store in
            let starved = try store.watch(.all)
            var elements = starved.makeAsyncIterator()
            for index in 1...300 {
                try await store.put("k", Bytes("\(index)"))
                if index % 100 == 0 { _ = try await elements.next() }
            }
            let rest = try await collect(starved, through: 300)
            #expect(rest.map(\.revision) == Array((301 - Revision(rest.count))...300))
            #expect(rest.count >= 297)
        }
    }

    // A crash during a compaction left the store at a lower revision. The crash itself is among those of `CrashTests`,
    // whose writer compacts; here, openings after compactions to the newest revision and to one before it.
    @Test func bug17780TheRevisionNeverDecreases() async throws {
        try await withTemporaryDirectory { path in
            var head: Revision = 0
            for round in 0..<5 {
                let store = try await WatchStore.open(path, options: tightOptions())
                #expect(store.head == head)
                try await writeConcurrently(store, writers: 2, each: 30)
                try await store.delete("both")
                head = store.head
                try await store.compact(through: head - Revision(round % 2))
                try await store.close()
            }
        }
    }

    // A delete at the compaction revision was not delivered (18089, 19179).
    @Test func bug18089And19179ADeleteAtTheCompactionRevisionIsDelivered() async throws {
        try await withStore { store in
            try await store.put("k", "1")
            try await store.put("other", "1")
            try await store.delete("k")
            try await store.compact(through: 3)
            #expect(
                try await collect(store.watch(.key("k"), from: .revision(3)), through: 3).first?.events.first?.type
                    == .delete)
            try await store.put("other", "2")
            try await store.compact(through: 4)
            #expect(try store.get("k") == nil)
            #expect(try store.check(deep: true).problems == [])
        }
    }

    // A watch of a future revision was told of progress, and of events, before it. Here progress right before the start
    // is true and may be told, since it is what a watch that resumes after the last revision waits for.
    @Test func bug20221NothingBeforeAFutureStart() async throws {
        try await withStore { store in
            try await store.put("k", "1")
            let watch = try store.watch(.all, from: .revision(5))
            watch.requestProgress()
            async let reading = collectElements(watch, through: 6)
            for index in 2...6 {
                try await store.put("k", Bytes("\(index)"))
                watch.requestProgress()
            }
            let elements = try await reading
            for case .progress(let revision) in elements { #expect(revision >= 4) }
            #expect(updates(in: elements).map(\.revision) == [5, 6])
        }
    }

    // A single node lost an acknowledged write in a crash (14370), or came back inconsistent (13766, 14685).
    @Test func bug14370And13766And14685EveryImageIsConsistent() async throws {
        try await withTemporaryDirectory { directory in
            var options = tightOptions()
            options.log.checkpointInterval = .seconds(3600)
            let store = try await WatchStore.open(directory + "/live", options: options)
            for round in 1...8 {
                for index in 1...10 { try await store.put(Bytes("k/\(index % 4)"), Bytes("\(round) \(index)")) }
                try await store.delete(Bytes("k/\(round % 4)"))
                try await store.compact(through: store.head - Revision(round % 3))
                let expected = try logged(store)
                let image = try await openImage(of: directory + "/live", at: directory + "/image-\(round)", options)
                #expect(image.head == store.head && image.earliest == store.earliest)
                #expect(try logged(image) == expected)
                #expect(try image.check(deep: true).problems == [])
                try await image.close()
            }
            try await store.close()
        }
    }

    // A read of a compacted revision inside a transaction broke the store.
    @Test func bug18667AFailedReadChangesNothing() async throws {
        try await withStore { store in
            for index in 1...5 { try await store.put("k", Bytes("\(index)")) }
            try await store.compact(through: 4)
            #expect(throws: StoreError.self) { try store.get("k", at: 2) }
            await #expect(throws: StoreError.self) {
                try await store.transaction(Transaction(then: [.put("k", "6"), .put("k", "7")]))
            }
            #expect(store.head == 5)
            #expect(try await store.put("k", "6") == 6)
            #expect(try store.check(deep: true).problems == [])
        }
    }
}
