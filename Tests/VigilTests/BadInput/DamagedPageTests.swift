import Foundation
import TestSupport
import Testing
import Vigil

/// A page of LMDB's file damaged in a store that opening does not verify as a whole: what would have LMDB read or reuse
/// pages says so, instead of crashing, and nothing is written over it.
@Suite(.timeLimit(.minutes(1))) struct DamagedPageTests {
    private static let keys = 5000

    /// A store of more pages than opening looks at.
    private func fill(_ path: String) async throws {
        var options = StoreOptions()
        // Values that are alike would fill too few pages.
        options.log.dictionaryLookBytes = .max
        let store = try await WatchStore.open(path, options: options)
        for start in stride(from: 0, to: Self.keys, by: 500) {
            let value = Bytes(String(repeating: "v", count: 100))
            _ = try await store.transactions(
                (start..<start + 500).map { Transaction(then: [.put(Bytes("key-\($0)"), value)]) })
        }
        try await store.close()
    }

    /// Says of the last leaf with many nodes that its first one is somewhere else.
    private func damage(_ data: Data) throws -> Data {
        var data = data
        let leaf = try #require(
            (2..<data.count / 4096).last { data[$0 * 4096 + 10] == 2 && data[$0 * 4096 + 12] > 40 })
        data[leaf * 4096 + 17] ^= 0x80
        return data
    }

    @Test func everyFirstUseIsRefused() async throws {
        try await withTemporaryDirectory { path in
            try await fill(path)
            let file = URL(fileURLWithPath: path + "/data.mdb")
            let whole = try Data(contentsOf: file)
            #expect(whole.count > 2 * 64 * 4096)
            try damage(whole).write(to: file)
            for access in [StoreOptions.Access.readWrite, .readOnly] {
                let store = try await WatchStore.open(path, options: StoreOptions(access: access))
                await expect(.damaged) { _ = try store.get("key-1") }
                await expect(.damaged) { for try await _ in try store.watch(.all, from: .earliest) {} }
                await expect(.damaged) { _ = try store.range(.all) }
                try await store.close()
            }
        }
    }

    @Test func nothingIsWrittenOverTheDamage() async throws {
        try await withTemporaryDirectory { path in
            try await fill(path)
            let file = URL(fileURLWithPath: path + "/data.mdb")
            let whole = try Data(contentsOf: file)
            let damaged = try damage(whole)
            try damaged.write(to: file)
            let store = try await WatchStore.open(path)
            await expect(.damaged) { try await store.put("key-1", "other") }
            await expect(.damaged) { try await store.compact(through: 10) }
            try await store.close()
            #expect(try Data(contentsOf: file) == damaged, "the file was touched")
            try whole.write(to: file)
            let repaired = try await WatchStore.open(path)
            #expect(repaired.head == Self.keys)
            #expect(try repaired.check(deep: true).problems.isEmpty)
            try await repaired.close()
        }
    }
}
