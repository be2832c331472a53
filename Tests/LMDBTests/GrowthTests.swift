import LMDB
import Synchronization
import Testing

private final class Progress: Sendable {
    let done = Atomic(false)
    let reads = Atomic(0)
}

@Suite(.timeLimit(.minutes(2))) struct GrowthTests {
    @Test func theMapGrowsUnderReaders() async throws {
        let fixture = try Fixture(mapBytes: 1 << 16)
        let progress = Progress()
        let value = String(repeating: "v", count: 1000)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    while !progress.done.load(ordering: .relaxed) {
                        let (first, last, entries) = try fixture.environment.withRead { transaction in
                            var cursor = try transaction.cursor(fixture.database)
                            // A read in a read, so that a waiting remap meets both.
                            _ = try fixture.environment.withRead { try $0.entries(fixture.database) }
                            return (
                                try cursor.first()?.name, try cursor.last()?.name,
                                try transaction.entries(fixture.database)
                            )
                        }
                        #expect(first == (entries == 0 ? nil : "key 10000"))
                        #expect(last == (entries == 0 ? nil : "key \(10000 + entries - 1)"))
                        progress.reads.add(1, ordering: .relaxed)
                        await Task.yield()
                    }
                }
            }
            group.addTask {
                defer { progress.done.store(true, ordering: .relaxed) }
                for start in stride(from: 10_000, to: 20_000, by: 500) {
                    try fixture.environment.withWrite { transaction in
                        for number in start..<start + 500 {
                            try transaction.put(fixture.database, "key \(number)", value, .append)
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try fixture.keys() == (10_000..<20_000).map { "key \($0)" })
        #expect(try fixture.environment.info().mapBytes > 10_000_000)
        #expect(progress.reads.load(ordering: .relaxed) > 0)
    }

    @Test func aWriteLargerThanTheMapRunsAgain() throws {
        let fixture = try Fixture(mapBytes: 1 << 16)
        var runs = 0
        let entries = try fixture.environment.withWrite { transaction in
            runs += 1
            for number in 0..<1000 { try transaction.put(fixture.database, "\(number)", "\(number)") }
            try transaction.put(fixture.database, "large", String(repeating: "v", count: 1 << 20))
            return try transaction.entries(fixture.database)
        }
        #expect(entries == 1001)
        #expect(runs > 3)
        #expect(try fixture.keys().count == 1001)
    }

    @Test func anErrorOfTheBodysOwnDoesNotHideThatTheMapIsFull() throws {
        struct Own: Error {}
        let fixture = try Fixture(mapBytes: 1 << 16)
        try fixture.environment.withWrite { transaction in
            do {
                try transaction.put(fixture.database, "large", String(repeating: "v", count: 1 << 20))
            } catch {
                throw Own()
            }
        }
        #expect(try fixture.keys() == ["large"])
    }

    @Test func theMapStopsGrowingAtTheLimit() throws {
        let fixture = try Fixture(mapBytes: 1 << 16)
        #expect(codeThrown { try fixture.environment.grow(to: 1 << 60) } == LMDBError.mapFull)
        try fixture.environment.grow(to: 1 << 20)
        try fixture.environment.grow(to: 1 << 18)
        #expect(try fixture.environment.info().mapBytes == 1 << 20)
    }
}
