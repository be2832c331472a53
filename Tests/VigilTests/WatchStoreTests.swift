import Foundation
import TestSupport
import Testing

@testable import Vigil

@Suite struct WatchStoreTests {
    @Test func putGetWatchReopen() async throws {
        try await withTemporaryDirectory { path in
            var store = try await WatchStore.open(path)
            #expect(try await store.put("a", "1") == 1)
            #expect(try await store.put("a", "2") == 2)
            #expect(try store.get("a")?.version == 2)
            #expect(try store.get("a", at: 1)?.value == "1")
            let live = try store.watch(.all)
            try await store.put("b", "3")
            var events = live.events.makeAsyncIterator()
            #expect(try await events.next()?.key == "b")
            #expect(try await store.delete("a").deleted == 1)
            #expect(try await events.next()?.type == .delete)
            try await store.close()
            store = try await WatchStore.open(path)
            #expect(store.head == 4)
            var seen: [String] = []
            for try await event in try store.watch(.all, from: .earliest).events {
                seen.append("\(event.revision) \(event.type) \(event.key)")
                if event.revision == store.head { break }
            }
            #expect(seen == ["1 put a", "2 put a", "3 put b", "4 delete a"])
            try await store.close()
        }
    }

    /// More keys than the committer forgets by itself, before and after each checkpoint; remembered none, some and all.
    /// What a store with little in it takes: its journal grows with what is written, and a closing gives it back.
    @Test func aSmallStoreTakesLittleOfTheDisk() async throws {
        try await withTemporaryDirectory { path in
            var store = try await WatchStore.open(path)
            #expect(try store.statistics().journalBytes == 64 << 10)
            for round in 0..<3 {
                for index in 0..<4 {
                    // What cannot be compressed.
                    let value = (0..<1 << 17).map { _ in UInt64.random(in: 0 ... .max) }
                    try await store.put("\(round)/\(index)", value.withUnsafeBytes { Bytes(copying: $0) })
                }
                let statistics = try store.statistics()
                #expect(statistics.journalSegments > 1 && statistics.journalBytes > 4 << 20)
                try await store.close()
                let names = try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasPrefix("journal") }
                #expect(names == ["journal-000"])
                let reader = try await WatchStore.open(path, options: StoreOptions(access: .readOnly))
                #expect(try reader.statistics().journalBytes == 64 << 10)
                #expect(reader.head == Revision(4 * round + 4))
                try await reader.close()
                store = try await WatchStore.open(path)
                #expect(try store.check(deep: true).problems.isEmpty)
            }
            try await store.close()
        }
    }

    @Test(arguments: [0, 100 << 10, LogOptions().versionCacheBytes])
    func versionsOfManyKeysAreCounted(_ cacheBytes: Int) async throws {
        var options = StoreOptions()
        options.log.versionCacheBytes = cacheBytes
        try await withTemporaryDirectory { path in
            let store = try await WatchStore.open(path, options: options)
            let keys = (0...Limits.forgottenInPlace).map { Bytes("key-\($0)") }
            for version in 1...4 as ClosedRange<Int64> {
                for part in stride(from: 0, to: keys.count, by: 1000) {
                    let puts = keys[part..<min(part + 1000, keys.count)].map { Transaction.Operation.put($0, "x") }
                    try await store.transaction(Transaction(then: puts))
                }
                #expect(try keys.allSatisfy { try store.get($0)?.version == version })
                if version < 4 { try await store.checkpointNow() }
            }
            try await store.close()
        }
    }

    /// The committer may remember a delete of which LMDB has nothing left.
    @Test(arguments: [0, LogOptions().versionCacheBytes])
    func aKeyWhoseDeleteWasCompactedBeginsAnew(_ cacheBytes: Int) async throws {
        var options = StoreOptions()
        options.log.versionCacheBytes = cacheBytes
        try await withTemporaryDirectory { path in
            let store = try await WatchStore.open(path, options: options)
            for _ in 1...2 { try await store.put("k", "before") }
            try await store.delete("k")
            try await store.put("other", "x")
            try await store.compact(through: 4)
            try await store.checkpointNow()
            try await store.put("k", "after")
            try await store.transaction(Transaction(then: [.put("k", "again"), .put("new", "x")]))
            #expect(try store.get("k")?.createRevision == 5)
            #expect(try store.get("k")?.version == 2)
            #expect(try store.get("new")?.version == 1)
            #expect(try store.check(deep: true).problems == [])
            try await store.close()
        }
    }

    /// Asked for once, right after a write was acknowledged: the progress includes that write.
    @Test(.timeLimit(.minutes(1))) func progressIncludesWhatWasAcknowledged() async throws {
        try await withTemporaryDirectory { path in
            let store = try await WatchStore.open(path, options: StoreOptions(durability: .interval(.milliseconds(50))))
            let watch = try store.watch(.key("quiet"))
            var elements = watch.makeAsyncIterator()
            for _ in 1...2000 {
                let revision = try await store.put("busy", "1")
                watch.requestProgress()
                guard case .progress(let progress)? = try await elements.next() else {
                    Issue.record("revision \(revision): no progress")
                    break
                }
                guard progress >= revision else {
                    Issue.record("revision \(revision): progress through \(progress) only")
                    break
                }
            }
            try await store.close()
        }
    }

    @Test func whatThePolicyLatestThinsOutKeepsItsTime() async throws {
        try await withTemporaryDirectory { path in
            let store = try await WatchStore.open(path)
            try await store.transaction(Transaction(then: [.put("a", "1"), .put("b", "1")]))
            try await store.put("b", "2")
            let watch = try store.watch(.all, from: .earliest, options: WatchOptions(policy: .latest))
            for try await element in watch {
                guard case .update(let update) = element else { break }
                #expect(update.map(\.key) == [update.revision == 1 ? "a" : "b"])
                #expect(update.commitMilliseconds == (try store.show(update.revision).update.commitMilliseconds))
            }
            try await store.close()
        }
    }
}
