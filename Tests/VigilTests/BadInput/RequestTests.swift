import TestSupport
import Testing
import Vigil

/// Requests that cannot be carried out: each says why, and changes nothing.
@Suite struct RequestTests {
    @Test func keysHaveOneTo511Bytes() async throws {
        try await withSmallStore { store in
            for length in [1, 510, 511] {
                let key = Bytes([UInt8](repeating: 0x6B, count: length))
                try await store.put(key, "v")
                #expect(try store.get(key)?.value == "v")
            }
            let head = store.head
            for length in [0, 512, 5000] {
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
                guard case .progress(head)? = try await elements.next() else {
                    Issue.record("a watch of a key of \(length) bytes found something")
                    continue
                }
            }
            #expect(store.head == head)
        }
    }

    @Test func boundsOfARangeMayBeLongerThanAKey() async throws {
        try await withSmallStore { store in
            let longest = Bytes([UInt8](repeating: 0x6B, count: 511))
            let beyond = Bytes([UInt8](repeating: 0x6B, count: 600))
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
            await #expect(throws: StoreError.compacted(requested: 3, earliest: 3)) {
                try await store.compact(through: 3)
            }
        }
    }

    @Test func argumentsThatMakeNoSense() async throws {
        try await withSmallStore { store in
            await expect(.invalidArgument) { _ = try store.watch(.all, from: .revision(0)) }
            await expect(.invalidArgument) { _ = try store.watch(.all, options: WatchOptions(bufferSize: 0)) }
            await expect(.invalidArgument) { _ = try store.range(.all, RangeOptions(limit: -1)) }
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
}

/// Runs `body` with a new store in a temporary directory.
func withSmallStore(_ body: (WatchStore) async throws -> Void) async throws {
    try await withTemporaryDirectory { path in
        let store = try await WatchStore.open(path, options: smallOptions())
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
