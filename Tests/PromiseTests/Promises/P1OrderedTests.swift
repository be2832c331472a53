import Testing
import Vigil

/// A watcher sees revisions in increasing order; inside a revision, in the order of the transaction.
@Suite struct P1Ordered {
    @Test func revisionsIncrease() async throws {
        try await withStore { store in
            for (range, updates) in try await watchAll(store) {
                let revisions = updates.map(\.revision)
                #expect(revisions == revisions.sorted(), "\(range)")
            }
        }
    }

    @Test("C5 inside a revision events come in the order of the transaction")
    func eventsKeepTheOrderOfTheTransaction() async throws {
        try await withStore { store in
            let watch = try store.watch(.all)
            try await store.transaction(Transaction(then: [.put("z", "1"), .put("a", "2"), .put("m", "3")]))
            let updates = try await collect(watch, through: 1)
            #expect(updates.map { $0.map(\.key) } == [["z", "a", "m"]])
        }
    }

    @Test("C2 replayed and live revisions do not interleave")
    func replayThenLive() async throws {
        try await withStore { store in
            try await writeConcurrently(store, writers: 2, each: 50)
            for (range, updates) in try await watchAll(store, from: .earliest) {
                let revisions = updates.map(\.revision)
                #expect(revisions == revisions.sorted(), "\(range)")
            }
        }
    }
}
