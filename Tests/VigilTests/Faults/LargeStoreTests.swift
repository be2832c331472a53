import Foundation
import TestSupport
import Testing
import Vigil

/// A store with many revisions is opened as fast as one with few, can be watched from anywhere, and compacted.
///
/// `VIGIL_REVISIONS=10000000` makes it as large as that; it takes minutes then, and says what took how long.
@Suite(.timeLimit(.minutes(60))) struct LargeStoreTests {
    private static let few: Revision = 10_000
    private static let many =
        ProcessInfo.processInfo.environment["VIGIL_REVISIONS"].flatMap { Revision($0) } ?? 200_000
    private static let keys: Revision = 5000

    @Test func costsNoMoreForItsSize() async throws {
        try await withTemporaryDirectory { directory in
            let (small, large) = (directory + "/small", directory + "/large")
            try await Self.fill(small, through: Self.few)
            try await Self.fill(large, through: Self.many)
            // The least of several times, in turn: whatever else the machine does.
            var times: [String: Duration] = [:]
            for _ in 0..<5 {
                for path in [small, large] {
                    let start = ContinuousClock.now
                    let store = try await WatchStore.open(path)
                    times[path] = min(.now - start, times[path] ?? .seconds(60))
                    // Waits for what was begun in the background.
                    try await store.close()
                }
            }
            print("\(Self.few) revisions open in \(times[small]!), \(Self.many) in \(times[large]!)")
            #expect(times[large]! < times[small]! * 3 + .milliseconds(5))

            let store = try await WatchStore.open(large)
            #expect(store.head == Self.many)
            try await Self.watch(store)
            try await Self.compact(store)
            try await store.close()
        }
    }

    /// Each revision puts one key; the key of the first never changes again.
    private static func fill(_ path: String, through head: Revision) async throws {
        let store = try await WatchStore.open(path)
        try await store.put("quiet", "1")
        while store.head < head {
            let from = store.head + 1
            let puts = (from..<min(from + 2000, head + 1)).map { revision in
                Transaction(then: [.put(Bytes("key/\(revision % keys)"), Bytes("value of \(revision)"))])
            }
            _ = try await store.transactions(puts)
        }
        try await store.close()
    }

    private static func watch(_ store: WatchStore) async throws {
        // From the beginning of a quiet key, from the middle, and the last hundred.
        let time = try await ContinuousClock().measure {
            for try await event in try store.watch(.key("quiet"), from: .earliest).events {
                #expect(event.revision == 1)
                break
            }
        }
        var next = many / 2
        for try await event in try store.watch(.all, from: .revision(next)).events {
            #expect(event.revision == next && event.value == Bytes("value of \(next)"))
            next += 1
            if next == many / 2 + 1000 { break }
        }
        next = many - 99
        for try await event in try store.watch(.all, from: .last(100)).events {
            #expect(event.revision == next)
            next += 1
            if event.revision == many { break }
        }
        print("a quiet key's first change was read in \(time)")
    }

    private static func compact(_ store: WatchStore) async throws {
        let before = try store.statistics()
        let time = try await ContinuousClock().measure { try await store.compact(keeping: Retention(revisions: 1000)) }
        let after = try store.statistics()
        print("compacted in \(time): \(before.logBytes) bytes of log before, \(after.logBytes) after")
        #expect(store.earliest == many - 999 && after.logBytes < before.logBytes / 10)
        #expect(try store.get("quiet")?.value == "1")
        #expect(try store.get("quiet", at: many - 999)?.value == "1")
        #expect(try store.check(deep: true).problems == [])
    }
}
