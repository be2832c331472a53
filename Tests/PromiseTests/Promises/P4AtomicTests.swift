import Testing
import Vigil

/// All changes of one revision arrive in one update.
@Suite(.timeLimit(.minutes(1))) struct P4Atomic {
    // Over the wire a revision may be split into fragments; here it never is.
    @Test("C4 a revision is never split over two updates")
    func oneUpdateARevision() async throws {
        try await withStore { store in
            for (range, updates) in try await watchAll(store) {
                #expect(Set(updates.map(\.revision)).count == updates.count, "\(range)")
                for update in updates {
                    let whole = try store.show(update.revision).update.filter { range.contains($0.key) }
                    #expect(update.events == Array(whole), "\(range) \(update.revision)")
                }
            }
        }
    }

    @Test func aLargeTransactionIsOneUpdate() async throws {
        try await withStore { store in
            let live = try await LiveReading(store.watch(.prefix("k/")))
            try await store.transaction(Transaction(then: (0..<500).map { .put(Bytes("k/\($0)"), "v") }))
            let replayed = try await collect(store.watch(.prefix("k/"), from: .earliest), through: 1)
            for updates in [updates(in: try await live.finish(through: 1)), replayed] {
                #expect(updates.map(\.events.count) == [500])
            }
        }
    }

    @Test func aReadSeesAllOfARevisionOrNothing() async throws {
        try await withStore { store in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for index in 0..<300 {
                        try await store.transaction(
                            Transaction(then: [.put("x", "\(index)"), .put("y", "\(index)")]))
                    }
                }
                group.addTask {
                    while store.head < 300 {
                        try Task.checkCancellation()
                        let found = try store.range(.all).keyValues
                        #expect(Set(found.map(\.value)).count <= 1)
                        await Task.yield()
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}
