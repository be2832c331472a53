import Testing
import Vigil

/// A watcher sees revisions in increasing order; inside a revision, in the order of the transaction.
@Suite(.timeLimit(.minutes(1))) struct P1Ordered {
    @Test func revisionsIncrease() async throws {
        try await withStore { store in
            for (range, updates) in try await watchAll(store) {
                let revisions = updates.map(\.revision)
                #expect(zip(revisions, revisions.dropFirst()).allSatisfy { $0 < $1 }, "\(range)")
            }
        }
    }

    @Test("C5 inside a revision events come in the order of the transaction")
    func eventsKeepTheOrderOfTheTransaction() async throws {
        try await withStore { store in
            let live = try await LiveReading(store.watch(.all))
            try await store.transaction(Transaction(then: [.put("z", "1"), .put("a", "2"), .put("m", "3")]))
            try await store.transaction(Transaction(then: [.put("b", "4"), .deleteRange(.from("m")), .put("a", "5")]))
            let replayed = try await collect(store.watch(.all, from: .earliest), through: 2)
            for updates in [updates(in: try await live.finish(through: 2)), replayed] {
                #expect(updates.map { $0.map(\.key) } == [["z", "a", "m"], ["b", "m", "z", "a"]])
            }
        }
    }

    @Test("C2 replayed and live revisions do not interleave")
    func replayThenLive() async throws {
        try await withStore { store in
            try await writeConcurrently(store, writers: 2, each: 50)
            for (range, updates) in try await watchAll(store, from: .earliest) {
                let revisions = updates.map(\.revision)
                #expect(zip(revisions, revisions.dropFirst()).allSatisfy { $0 < $1 }, "\(range)")
            }
        }
    }
}
