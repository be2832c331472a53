import TestSupport
import Testing

@testable import RevisionLog
@testable import Vigil

@Suite struct SharedReplayTests {
    private static let revisions = 1500
    private static let watches = 200

    /// As after a restart: many watches resume at once, from a log that has three times the blocks that are cached. One
    /// after the other each of them would decode every block.
    @Test(.timeLimit(.minutes(2))) func watchesThatResumeTogetherShareWhatOneDecoded() async throws {
        try await withTemporaryDirectory { path in
            try await Self.fill(path)
            let store = try await WatchStore.open(path)
            let head = store.head
            let seen = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<Self.watches { group.addTask { try await Self.count(store, through: head) } }
                return try await group.reduce(into: [Int]()) { $0.append($1) }
            }
            #expect(seen == Array(repeating: Self.revisions, count: Self.watches))
            let blocks = try store.statistics().blocks
            #expect(blocks >= 90, "the cache keeps 32")
            // Some watches may lag behind the others: a few times is allowed, a hundred is not.
            #expect(store.reader.cache.decodedCount <= 4 * blocks)
            try await store.close()
        }
    }

    /// Long values that do not compress.
    private static func fill(_ path: String) async throws {
        let store = try await WatchStore.open(path, options: StoreOptions(durability: .interval(.seconds(1))))
        var random = SeededGenerator(7)
        for index in 0..<revisions {
            try await store.put(
                "key/\(index % 7)", Bytes((0..<512).flatMap { _ in withUnsafeBytes(of: random.next()) { Array($0) } }))
        }
        try await store.close()
    }

    private static func count(_ store: WatchStore, through head: Revision) async throws -> Int {
        var count = 0
        for try await element in try store.watch(.all, from: .earliest) {
            guard case .update(let update) = element else { continue }
            count += 1
            if update.revision == head { break }
        }
        return count
    }
}
