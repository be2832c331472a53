import Foundation
import TestSupport
import Testing
import Vigil

/// Requests that cannot be carried out: each says why, and changes nothing.
@Suite struct RequestTests {
    @Test func keysHaveOneTo4096Bytes() async throws {
        try await withSmallStore { store in
            for length in [1, 511, 512, 1006, 4096] {
                let key = Bytes([UInt8](repeating: 0x6B, count: length))
                try await store.put(key, "v")
                #expect(try store.get(key)?.value == "v")
            }
            let head = store.head
            for length in [0, 4097, 5000] {
                let key = Bytes([UInt8](repeating: 0x6B, count: length))
                let operations: [Transaction.Operation] = [.put(key, "v"), .delete(key), .get(key)]
                for operation in operations {
                    await expect(.invalidKey) { try await store.transaction(Transaction(then: [operation])) }
                }
                await expect(.invalidKey) { try await store.put(key, "v") }
                await expect(.invalidKey) { try await store.delete(key) }
                await expect(.invalidKey) {
                    try await store.transaction(Transaction(when: [.version(of: key, .equal, 0)], then: []))
                }
                // Reading what cannot be there finds nothing.
                #expect(try store.get(key) == nil)
                #expect(try store.get(key, at: 1) == nil)
                #expect(try store.range(.key(key)).keyValues == [])
                #expect(try store.history(of: key) == [])
                #expect(try store.log(.key(key), from: 1).updates.isEmpty)
                var elements = try store.watch(.key(key), from: .earliest).makeAsyncIterator()
                let first = try await elements.next()
                guard case .progress? = first else {
                    Issue.record("a watch of a key of \(length) bytes: \(String(describing: first))")
                    continue
                }
            }
            #expect(store.head == head)
        }
    }

    @Test func boundsOfARangeMayBeLongerThanAKey() async throws {
        try await withSmallStore { store in
            let longest = Bytes([UInt8](repeating: 0x6B, count: 4096))
            let beyond = Bytes([UInt8](repeating: 0x6B, count: 5000))
            for key in [Bytes("a"), longest, Bytes("z")] { try await store.put(key, "v") }
            for order in [RangeOptions.Order.ascending, .descending] {
                let options = RangeOptions(order: order)
                #expect(try store.range(.from(beyond), options).keyValues.map(\.key) == ["z"])
                #expect(try Set(store.range(.range("a", beyond), options).keyValues.map(\.key)) == ["a", longest])
                #expect(try store.range(.prefix(beyond), options).keyValues.isEmpty)
            }
            #expect(try store.history(of: beyond).isEmpty)
        }
    }

    @Test func valuesAreBounded() async throws {
        try await withSmallStore { store in
            let limit = smallOptions().log.transactionBytes
            let fits = Bytes([UInt8](repeating: 1, count: limit - 1))
            try await store.put("k", fits)
            #expect(try store.get("k")?.value == fits)
            await expect(.tooLarge) { try await store.put("k", Bytes([UInt8](repeating: 1, count: limit))) }
            await expect(.tooLarge) {
                try await store.transaction(Transaction(then: [.put("a", fits), .put("b", fits)]))
            }
            #expect(store.head == 1)
        }
    }

    /// Their names alone count: who deletes a range did not send its keys.
    @Test func deletingManyLongKeys() async throws {
        var options = smallOptions()
        options.log.deletedBytes = 60_000
        try await withSmallStore(options) { store in
            let long = String(repeating: "k", count: 500)
            for index in 100..<300 { try await store.put(Bytes("\(long)\(index)"), "1") }
            #expect(try await store.deleteRange(.range(Bytes("\(long)100"), Bytes("\(long)200"))).deleted == 100)
            for index in 100..<200 { try await store.put(Bytes("\(long)\(index)"), "1") }
            await expect(.tooLarge) { try await store.deleteRange(.prefix("k")) }
        }
    }

    @Test func changesAndStepsAreBounded() async throws {
        var options = smallOptions()
        options.log.transactionChanges = 10
        try await withSmallStore(options) { store in
            let puts = (0..<11).map { Transaction.Operation.put("k/\($0)", "v") }
            await expect(.tooLarge) { try await store.transaction(Transaction(then: puts)) }
            #expect(store.head == 0)
            try await store.transaction(Transaction(then: puts.dropLast()))
            try await store.put("k/10", "v")
            await expect(.tooLarge) { try await store.deleteRange(.prefix("k/")) }
            #expect(try await store.deleteRange(.prefix("k/1")).deleted == 2)
            // Each list of a transaction has its own bound, whether or not it changes anything.
            let steps = (0..<5000).map { Transaction.Operation.get("k/\($0)") }
            await expect(.tooLarge) { try await store.transaction(Transaction(then: [], otherwise: steps)) }
            let comparisons = (0..<5000).map { Transaction.Comparison.version(of: "k/\($0)", .equal, 0) }
            await expect(.tooLarge) { try await store.transaction(Transaction(when: comparisons, then: [])) }
            #expect(store.head == 3)
        }
    }

    @Test func optionsThatMakeNoSense() async throws {
        let mistakes: [(inout LogOptions) -> Void] = [
            { $0.checkpointBytes = 0 }, { $0.checkpointInterval = .zero }, { $0.pendingBytes = 1 },
            { $0.versionCacheBytes = -1 },
            { $0.segmentBytes = 65535 }, { $0.segmentBytes = 4096 }, { $0.segmentBytes = -4096 },
            { $0.firstSegmentBytes = 0 },
            { $0.firstSegmentBytes = 4097 }, { $0.segments = 1 },
            { $0.transactionBytes = 0 }, { $0.transactionBytes = $0.segmentBytes }, { $0.transactionChanges = 0 },
            { $0.deletedBytes = -1 }, { $0.deletedBytes = 2 << 30 }, { $0.transactionChanges = .max },
            { $0.mapBytes = 0 },
        ]
        try await withTemporaryDirectory { directory in
            for mistake in mistakes {
                var options = smallOptions()
                mistake(&options.log)
                await expect(.invalidArgument) {
                    _ = try await WatchStore.open(directory + "/store", options: options)
                }
            }
            #expect(!FileManager.default.fileExists(atPath: directory + "/store"))
        }
    }

    @Test func oneKeyOncePerTransaction() async throws {
        try await withSmallStore { store in
            try await store.put("a", "0")
            let branches: [[Transaction.Operation]] = [
                [.put("a", "1"), .put("a", "2")], [.put("a", "1"), .delete("a")], [.delete("a"), .put("a", "1")],
                [.deleteRange(.prefix("a")), .put("a", "1")], [.put("a", "1"), .deleteRange(.all)],
            ]
            for branch in branches {
                await expect(.duplicateKey) { try await store.transaction(Transaction(then: branch)) }
            }
            let twice = try await store.transaction(Transaction(then: [.delete("a"), .deleteRange(.all)]))
            #expect(twice.revision == 2)
        }
    }

    @Test func whatChangesNothingTakesNoRevision() async throws {
        try await withSmallStore { store in
            try await store.put("a", "1")
            #expect(try await store.transaction(Transaction(then: [])).changed == false)
            #expect(try await store.delete("b").revision == nil)
            #expect(try await store.deleteRange(.range("x", "b")).deleted == 0)
            #expect(try await store.transaction(Transaction(then: [.get("a")])).revision == 1)
            #expect(store.head == 1)
        }
    }

    @Test func revisionsThatAreNotThere() async throws {
        try await withSmallStore { store in
            for index in 1...5 { try await store.put("k", "\(index)") }
            try await store.compact(through: 3)
            #expect(throws: StoreError.compacted(requested: 2, earliest: 3)) { try store.get("k", at: 2) }
            #expect(throws: StoreError.future(requested: 6, head: 5)) { try store.get("k", at: 6) }
            #expect(throws: StoreError.compacted(requested: 2, earliest: 3)) { try store.show(2) }
            #expect(throws: StoreError.future(requested: 6, head: 5)) { try store.show(6) }
            await #expect(throws: StoreError.future(requested: 6, head: 5)) { try await store.compact(through: 6) }
            await #expect(throws: StoreError.compactedAlready(requested: 3, earliest: 3)) {
                try await store.compact(through: 3)
            }
        }
    }

    @Test func argumentsThatMakeNoSense() async throws {
        try await withSmallStore { store in
            await expect(.invalidArgument) { _ = try store.watch(.all, from: .revision(0)) }
            await expect(.invalidArgument) { _ = try store.watch(.all, options: WatchOptions(bufferSize: 0)) }
            await expect(.invalidArgument) { _ = try store.range(.all, RangeOptions(limit: -1)) }
            await expect(.invalidArgument) {
                try await store.transaction(Transaction(then: [.range(.all, limit: -1)]))
            }
            let all = try await store.transaction(Transaction(then: [.put("k", "1"), .range(.all, limit: .max)]))
            #expect(all.succeeded)
            let (nothing, never) = (try store.range(.range("b", "a")), try store.history(of: "nothing"))
            #expect(nothing.keyValues.isEmpty && never.isEmpty)
        }
    }

    @Test func aClosedStoreSaysSo() async throws {
        try await withTemporaryDirectory { path in
            let store = try await WatchStore.open(path, options: smallOptions())
            try await store.put("k", "1")
            let watch = try store.watch(.all, from: .earliest)
            try await store.close()
            try await store.close()
            await expect(.closed) { try await store.put("k", "2") }
            await expect(.closed) { _ = try store.get("k") }
            await expect(.closed) { _ = try store.watch(.all) }
            await expect(.closed) { try await store.compact(through: 1) }
            for try await _ in watch {}
        }
    }

    /// What was replayed and waits to be read needs the store for the previous values: it is not delivered, and not
    /// counted as delivered either.
    @Test func aWatchThatIsReadBesideClosingCanBeResumed() async throws {
        try await withTemporaryDirectory { path in
            var store = try await WatchStore.open(path, options: smallOptions())
            for index in 1...20 { try await store.put("k", "\(index)") }
            let watch = try store.watch(.all, from: .earliest, options: WatchOptions(previousValues: true))
            for try await element in watch {
                guard case .update(let update) = element else { continue }
                if update.revision == 5 { try await store.close() }
            }
            #expect(watch.resumeRevision == 6)
            store = try await WatchStore.open(path, options: smallOptions())
            var events = try store.watch(.all, from: .revision(watch.resumeRevision)).events.makeAsyncIterator()
            #expect(try await events.next()?.value == "6")
            try await store.close()
        }
    }
}

/// Runs `body` with a new store in a temporary directory.
func withSmallStore(
    _ options: StoreOptions = smallOptions(), _ body: (WatchStore) async throws -> Void
) async throws {
    try await withTemporaryDirectory { path in
        let store = try await WatchStore.open(path, options: options)
        try await body(store)
        try await store.close()
    }
}

/// `body` must fail with `code`, and say something.
func expect(_ code: StoreError.Code, _ body: () async throws -> Void) async {
    do {
        try await body()
        Issue.record("no error, where \(code) was expected")
    } catch let error as StoreError {
        #expect(error.code == code, "\(error)")
        #expect(!error.message.isEmpty)
    } catch {
        Issue.record("\(error), where \(code) was expected")
    }
}
