import TestSupport
import Testing
import Threads

@testable import Vigil

/// A map of a megabyte that has to become tens of them while everything uses it.
@Suite(.timeLimit(.minutes(3))) struct GrowingMapTests {
    private static let writers = 8
    private static let writes = 250
    private static let watches = 24
    private static let readers = 4

    @Test func everyEventIsSeenWhileTheMapGrows() async throws {
        try await withTemporaryDirectory(inMemory: true) { path in
            let store = try await WatchStore.open(path, options: smallOptions(durability: .interval(.seconds(1))))
            let total = Revision(Self.writers * Self.writes)
            let done = Lock(false)
            let seen = try await withThrowingTaskGroup(of: [WatchEvent].self) { group in
                for writer in 0..<Self.writers {
                    group.addTask {
                        var random = SeededGenerator(UInt64(writer))
                        for write in 0..<Self.writes {
                            // What does not compress, so that the log grows by as much.
                            let value = Bytes((0..<2000).map { _ in UInt8(random.below(256)) })
                            try await store.put("w\(writer)/\(write % 40)", value)
                        }
                        return []
                    }
                }
                for _ in 0..<Self.readers {
                    group.addTask {
                        while !done.withLock({ $0 }) {
                            let head = store.head
                            let page = try store.range(.all, RangeOptions(at: head))
                            #expect(page.keyValues.allSatisfy { $0.modRevision <= head })
                            await Task.yield()
                        }
                        return []
                    }
                }
                for _ in 0..<Self.watches {
                    group.addTask {
                        var events: [WatchEvent] = []
                        for try await event in try store.watch(.all, from: .earliest).events {
                            events.append(event)
                            if event.revision == total {
                                done.withLock { $0 = true }
                                break
                            }
                        }
                        return events
                    }
                }
                return try await group.reduce(into: [[WatchEvent]]()) { if !$1.isEmpty { $0.append($1) } }
            }
            #expect(seen.count == Self.watches)
            for events in seen {
                #expect(events.map(\.revision) == Array(1...total))
                #expect(events == seen[0])
            }
            try await store.close()
            let again = try await WatchStore.open(path, options: smallOptions())
            #expect(try again.check(deep: true).problems == [])
            #expect(try again.log(from: 1, limit: .max).updates.flatMap(\.events) == seen[0])
            // Many times the map that it began with.
            #expect(try again.statistics().mapBytes > 4 << 20)
            try await again.close()
        }
    }
}
