import Testing
import Vigil

/// The same as where history is compacted by hand, where the store forgets it by itself.
extension P3Reliable {
    private func options(_ retention: Retention) -> StoreOptions {
        var options = tightOptions()
        options.log.checkpointInterval = .milliseconds(2)
        options.log.retention = retention
        return options
    }

    /// Reads every revision through `total` from `start` on; where history was forgotten, from what the error names.
    private func readAll(_ store: WatchStore, through total: Revision) async throws -> (read: Int, forgotten: Int) {
        var next: Revision = 1
        var read = 0
        while next <= total {
            try Task.checkCancellation()
            let watch = try store.watch(.all, from: .revision(next))
            do {
                for try await element in watch {
                    if case .update(let update) = element {
                        #expect(update.revision == next)
                        next += 1
                        read += 1
                    }
                    if next > total { break }
                }
            } catch let error as StoreError where error.code == .compacted {
                let earliest = try #require(error.earliest)
                #expect(error.requested == next && earliest > next)
                next = earliest
            }
        }
        return (read, Int(total) - read)
    }

    @Test(
        "C16 a retention that races watches is told to the revision",
        arguments: [
            Retention(revisions: 1), Retention(revisions: 100), Retention(age: .milliseconds(5)),
            Retention(bytes: 4000),
        ])
    func retentionRacesWatches(_ retention: Retention) async throws {
        try await withStore(options(retention)) { store in
            let total: Revision = 3000
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 { group.addTask { _ = try await readAll(store, through: total) } }
                group.addTask {
                    while store.head < total {
                        _ = try await store.transactions(
                            (0..<15).map { Transaction(then: [.put("k", Bytes("\($0)"))]) })
                    }
                }
                try await group.waitForAll()
            }
            // One that comes after it finds what is retained, whole.
            let (read, forgotten) = try await readAll(store, through: total)
            #expect(read >= 1 && forgotten > 0)
        }
    }

    @Test func theEarliestAndTheLastCannotLoseTheRaceWithARetention() async throws {
        try await withStore(options(Retention(revisions: 50))) { store in
            for _ in 0..<60 {
                let watches = try [store.watch(.all, from: .earliest), store.watch(.all, from: .last(40))]
                _ = try await store.transactions(
                    (0..<60).map { Transaction(then: [.put("k", Bytes("\($0)"))]) })
                // Only the start is safe: a watch that has begun can be overtaken like any other.
                for watch in watches {
                    let first = try await watch.first {
                        if case .update = $0 { true } else { false }
                    }
                    #expect(first != nil)
                }
            }
        }
    }

    @Test func theLastRevisionsAreThoseThatThereAre() async throws {
        try await withStore { store in
            for index in 1...20 { try await store.put("k", Bytes("\(index)")) }
            for (count, first) in [(1, 20), (5, 16), (20, 1), (21, 1), (Int.max, 1)] as [(Int, Revision)] {
                let found = try await collect(store.watch(.all, from: .last(count)), through: 20)
                #expect(found.map(\.revision) == Array(first...20))
            }
            try await store.compact(through: 10)
            #expect(try await collect(store.watch(.all, from: .last(15)), through: 20).first?.revision == 10)
            let reading = try await LiveReading(store.watch(.all, from: .last(0)))
            try await store.put("k", "21")
            #expect(updates(in: try await reading.finish(through: 21)).map(\.revision) == [21])
            #expect(throws: StoreError.self) { try store.watch(.all, from: .last(-1)) }
        }
    }

    @Test func aStartByTimeIsTheFirstOfThenOrLater() async throws {
        try await withStore { store in
            try await writeConcurrently(store, writers: 2, each: 60)
            let head = store.head
            let times = try store.log(from: 1, limit: .max).updates.map(\.commitMilliseconds)
            for time in Set(times + [0, times[0] - 1, times[0]]) {
                let first = try store.firstRevision(atOrAfter: time)
                #expect(times[Int(first) - 1] >= time && (first == 1 || times[Int(first) - 2] < time))
                let found = try await collect(store.watch(.all, from: .time(milliseconds: time)), through: head)
                #expect(found.map(\.revision) == Array(first...head))
            }
            #expect(try store.lastRevision(atOrBefore: times[0] - 1) == 0)
            #expect(try store.lastRevision(atOrBefore: .max) == head)
            // In the future it waits for what comes next.
            let reading = try await LiveReading(store.watch(.all, from: .time(milliseconds: .max)))
            try await store.put("k", "v")
            #expect(updates(in: try await reading.finish(through: head + 1)).map(\.revision) == [head + 1])
        }
    }

    @Test func aStartByATimeWhoseHistoryIsGoneFailsLoudly() async throws {
        try await withStore { store in
            for index in 1...20 { try await store.put("k", Bytes("\(index)")) }
            let time = try store.show(5).update.commitMilliseconds
            try await store.compact(through: 10)
            let watch = try store.watch(.all, from: .time(milliseconds: time))
            await #expect(throws: StoreError.compacted(requested: 9, earliest: 10)) {
                for try await _ in watch {}
            }
            #expect(throws: StoreError.self) { try store.firstRevision(atOrAfter: 0) }
        }
    }
}
