import Vigil

/// What the stores of the benchmarks hold.
enum Content {
    /// How many keys and revisions a filled store has.
    static let count = 100_000
    static let group = 512

    static func key(_ index: Int) -> Bytes { Bytes("services/\(index)/status") }

    /// Some 120 bytes of JSON, of which a part is different each time.
    static func value(_ index: Int) -> Bytes {
        Bytes(
            #"{"state":"ready","address":"10.0.\#(index / 250 % 250).\#(index % 250)","port":8080,"#
                + #""load":0.\#(index * 7919 % 1000),"version":"4.2.\#(index % 40)","zone":"north-\#(index % 3)"}"#)
    }

    /// Index `step` of a walk that visits all indices, neighbours in time being far apart.
    static func scattered(_ step: Int) -> Int { step * 7919 % count }

    static func put(_ index: Int) -> Transaction { Transaction(then: [.put(key(index), value(index))]) }

    /// `count` puts of different keys, in groups.
    static func fill(_ store: WatchStore, _ indices: Range<Int> = 0..<count) async throws {
        var next = indices.lowerBound
        while next < indices.upperBound {
            let end = min(next + group, indices.upperBound)
            for result in try await store.transactions((next..<end).map { put(scattered($0)) }) { _ = try result.get() }
            next = end
        }
    }

    /// A filled store, all in memory.
    static func pending(_ temporary: TemporaryStore) async throws {
        try await fill(temporary.store)
    }

    /// A filled store, all in LMDB.
    static func checkpointed(_ temporary: TemporaryStore) async throws {
        try await fill(temporary.store)
        try await temporary.checkpoint()
    }
}
