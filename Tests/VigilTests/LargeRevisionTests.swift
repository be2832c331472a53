import Foundation
import TestSupport
import Testing
import Vigil

/// One revision that deletes so much that it finds no room in a segment of the journal, nor in a block with others.
@Suite struct LargeRevisionTests {
    private static let keysPerPut = 50
    private let keys: [Bytes]
    /// The revision that deletes them.
    private var deletion: Revision { 2 + Revision(keys.count / Self.keysPerPut) }

    init() {
        // They do not compress.
        var random = SeededGenerator(1)
        keys = (0..<3000).map { number in
            let noise = (0..<80).map { _ in UInt8.random(in: 0 ... .max, using: &random) }
            return Bytes(Array("k/\(number + 10_000)/".utf8) + noise)
        }
    }

    /// A store with `keys`, of 264 kB, and another one. Its journal has segments of 64 KiB.
    private func withKeys(_ options: StoreOptions = smallOptions(), _ body: (WatchStore, String) async throws -> Void)
        async throws
    {
        try await withTemporaryDirectory { path in
            let store = try await WatchStore.open(path + "/store", options: options)
            try await store.put("a", "first")
            for part in stride(from: 0, to: keys.count, by: Self.keysPerPut) {
                let puts = keys[part..<part + Self.keysPerPut].map { Transaction.Operation.put($0, value($0)) }
                try await store.transaction(Transaction(then: puts))
            }
            try await body(store, path)
        }
    }

    private func value(_ key: Bytes) -> Bytes { Bytes(Array(key.reversed())) }

    @Test func isThereForEveryone() async throws {
        try await withKeys { store, path in
            let live = try store.watch(.prefix("k/"), from: .now)
            let result = try await store.deleteRange(.prefix("k/"))
            #expect(try store.statistics().journalBytes > keys.count * 80)
            #expect(result.deleted == keys.count && result.revision == deletion)
            try await store.put("z", "last")
            // As it is found after a crash: the deletion is in the journal, or in a block, whichever was first.
            try FileManager.default.copyItem(atPath: path + "/store", toPath: path + "/copy")
            for options in [StoreOptions(access: .readOnly), smallOptions()] {
                let copy = try await WatchStore.open(path + "/copy", options: options)
                try await expectDeleted(copy)
                try await copy.close()
            }
            try await expectDeletion(live)
            try await expectDeleted(store)
            try await store.checkpointNow()
            try await expectDeleted(store)
            try await store.close()
        }
    }

    private func expectDeleted(_ store: WatchStore) async throws {
        #expect(try store.range(.prefix("k/")).keyValues.isEmpty)
        let before = try store.range(.prefix("k/"), RangeOptions(at: deletion - 1)).keyValues
        #expect(before.map(\.key) == keys && before.allSatisfy { $0.value == value($0.key) })
        #expect(try store.history(of: keys[1234]).map(\.revision) == [deletion, 26])
        #expect(try store.check(deep: true).problems == [])
        let watch = try store.watch(
            .prefix("k/"), from: .revision(deletion), options: WatchOptions(previousValues: true))
        try await expectDeletion(watch) { $0.previous?.value == value($0.key) }
    }

    private func expectDeletion(_ watch: Watch, _ holds: (WatchEvent) -> Bool = { _ in true }) async throws {
        for try await element in watch {
            guard case .update(let update) = element else { continue }
            #expect(update.revision == deletion)
            #expect(update.map(\.key) == keys && update.allSatisfy { $0.type == .delete && holds($0) })
            return
        }
    }

    /// Keys that were deleted by it, and are there again, are found in it.
    @Test func keysThatCameAgain() async throws {
        try await withKeys { store, _ in
            try await store.deleteRange(.prefix("k/"))
            for key in [keys[0], keys[1234], keys[2999]] { try await store.put(key, "again") }
            try await store.checkpointNow()
            #expect(try store.range(.all, RangeOptions(at: deletion)).keyValues.map(\.key) == ["a"])
            #expect(try store.history(of: keys[1234]).map(\.revision) == [deletion + 2, deletion, 26])
            try await store.compact(through: deletion + 1)
            #expect(try store.range(.all).keyValues.map(\.key) == ["a", keys[0], keys[1234], keys[2999]])
            #expect(try store.check(deep: true).problems == [])
            try await store.close()
        }
    }

    /// More than the committer notes the newest versions of.
    @Test func veryManyKeys() async throws {
        try await withTemporaryDirectory { path in
            let store = try await WatchStore.open(path)
            let numbers = 0..<70_000
            for part in stride(from: 0, to: numbers.count, by: 3500) {
                let puts = numbers[part..<part + 3500].map { Transaction.Operation.put(Bytes("k/\($0)"), "v") }
                try await store.transaction(Transaction(then: puts))
            }
            try await store.put("other", "1")
            #expect(try await store.deleteRange(.prefix("k/")).deleted == numbers.count)
            // Whether the checkpoint has come by or not.
            for _ in 1...2 {
                try await store.put("k/7", "again")
                try await store.put("other", "2")
                try await store.delete("k/7")
                try await store.checkpointNow()
            }
            let history = try store.history(of: "k/7")
            #expect(history.map(\.revision) == [28, 26, 25, 23, 22, 1])
            #expect(try store.get("other")?.version == 3)
            #expect(try store.check(deep: true).problems == [])
            try await store.close()
        }
    }

    /// It does not fit beside anything that waits for a checkpoint, and so waits for that.
    @Test func otherWritersGoOn() async throws {
        try await withKeys { store, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<8 {
                    group.addTask { for number in 0..<100 { try await store.put("w/\(writer)", "\(number)") } }
                }
                group.addTask { try await store.deleteRange(.prefix("k/")) }
                try await group.waitForAll()
            }
            #expect(try store.range(.all).keyValues.map(\.key) == ["a"] + (0..<8).map { Bytes("w/\($0)") })
            #expect(store.head == deletion + 800)
            try await store.close()
        }
    }
}
