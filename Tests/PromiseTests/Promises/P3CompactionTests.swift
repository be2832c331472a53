import Testing
import Vigil

/// Reliable where history goes away: loudly, and no more of it than was compacted.
extension P3Reliable {
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
                            #expect(error.requested! >= from && error.earliest! > error.requested!)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    /// A watch that is parked again and again reads the log while a compaction follows close to the head. What it does
    /// not deliver is what the error names, to the revision.
    @Test func compactionRacesAWatchThatIsParkedAgainAndAgain() async throws {
        try await withStore { store in
            let total: Revision = 1500
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    while store.head < total {
                        try Task.checkCancellation()
                        _ = try await store.transactions(
                            (0..<15).map { Transaction(then: [.put("k", Bytes("\($0)"))]) })
                        try await store.compact(through: store.head)
                    }
                }
                group.addTask {
                    var next: Revision = 1
                    while next <= total {
                        try Task.checkCancellation()
                        let watch = try store.watch(.all, from: .revision(next))
                        do {
                            for try await element in watch {
                                if case .update(let update) = element {
                                    #expect(update.revision == next)
                                    next += 1
                                }
                                if next > total { break }
                            }
                        } catch let error as StoreError where error.code == .compacted {
                            let earliest = try #require(error.earliest)
                            #expect(error.requested == next && earliest > next)
                            next = earliest
                        }
                    }
                }
                try await group.waitForAll()
            }
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

    /// Far from the head the replay follows the versions of the key instead of reading the log.
    @Test(
        "C14 a delete at the compaction revision is found however far back it is",
        arguments: [KeyRange.key("k"), .prefix("k")])
    func aDeleteFarBackAtTheCompactionRevision(_ range: KeyRange) async throws {
        try await withStore { store in
            try await store.put("k", "1")
            try await store.delete("k")
            _ = try await store.transactions((0..<3000).map { Transaction(then: [.put("other", Bytes("\($0)"))]) })
            try await store.compact(through: 2)
            let updates = try await collect(store.watch(range, from: .revision(2)), through: store.head)
            #expect(updates.flatMap(\.events).map(\.type) == [.delete])
            let tooEarly = try store.watch(range, from: .revision(1))
            await #expect(throws: StoreError.compacted(requested: 1, earliest: 2)) {
                for try await _ in tooEarly {}
            }
            try await store.compact(through: 3)
            #expect(try await collect(store.watch(range, from: .earliest), through: store.head).isEmpty)
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

    /// An idle watch that is at the head does not care what becomes of the history.
    @Test func compactionDoesNotDisturbAWatchAtTheHead() async throws {
        try await withStore { store in
            for index in 1...20 { try await store.put("k", Bytes("\(index)")) }
            let reading = try await LiveReading(store.watch(.all))
            try await store.compact(through: 20)
            try await store.put("k", "21")
            #expect(updates(in: try await reading.finish(through: 21)).map(\.revision) == [21])
        }
    }
}
