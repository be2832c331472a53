import TestSupport
import Testing
import WireMessages

@testable import Vigil
@testable import VigilServer

/// A revision that deletes more than is encoded at once, and those who watch it.
@Suite(.timeLimit(.minutes(2))) struct LargeUpdateTests {
    /// Three megabytes of names.
    private let keys = (0..<3000).map { "k/\($0 + 10_000)/" + String(repeating: "x", count: 1000) }

    private func fill(_ store: WatchStore) async throws {
        for part in stride(from: 0, to: keys.count, by: 500) {
            let puts = keys[part..<part + 500].map { Transaction.Operation.put(Bytes($0), "v") }
            try await store.transaction(Transaction(then: puts))
        }
    }

    /// How a watch wants it.
    private struct Way {
        var fragments: Bool
        var previous: Bool

        init(_ id: Int64) { (fragments, previous) = (id % 2 == 1, id % 4 >= 2) }
    }

    /// Watches of one stream of all ways, more than one of each, which are read together. `others` see only what is small.
    @Test func everybodyGetsItWhole() async throws {
        try await withEtcd { etcd, store in
            try await fill(store)
            let stream = try await etcd.watch()
            let (all, others) = (Int64(0)..<16, Int64(16)..<20)
            for id in all {
                try await stream.create("k/", "k0") { request in
                    (request.watchID, request.fragment, request.prevKv) = (id, Way(id).fragments, Way(id).previous)
                }
            }
            for id in others { try await stream.create("small") { $0.watchID = id } }
            for _ in 0..<others.upperBound { #expect(try await stream.next().created) }
            for round in Int64(0)..<2 {
                // The second time round they are back from the log.
                try await etcd.put("k/first", "\(round)")
                try await etcd.put("small", "before")
                let deleted = try await etcd.delete("k/", "k0")
                #expect(deleted.deleted == Int64(keys.count + 1) && deleted.prevKvs.isEmpty)
                try await etcd.put("k/last", "\(round)")
                try await etcd.put("small", "after")
                try await expectAll(stream, all, others, deletedAt: deleted.header.revision)
                try await etcd.delete("k/last")
                for _ in all { #expect(try await stream.next().events.map(\.kv.key) == [.init("k/last".utf8)]) }
                if round == 0 {
                    try await fill(store)
                    for _ in all { try await skip(keys.count, stream) }
                }
            }
        }
    }

    private func skip(_ count: Int, _ stream: WatchClient) async throws {
        var seen = 0
        while seen < count { seen += try await stream.next().events.count }
    }

    private func expectAll(
        _ stream: WatchClient, _ all: Range<Int64>, _ others: Range<Int64>, deletedAt revision: Int64
    ) async throws {
        var seen: [Int64: [EtcdEvent]] = [:]
        var underway: Int64?
        var count = 0
        while count < all.count * (keys.count + 3) + 2 * others.count {
            let response = try await stream.next()
            // Nothing comes between fragments.
            #expect(underway == nil || response.watchID == underway)
            underway = response.fragment ? response.watchID : nil
            #expect(!response.fragment || Way(response.watchID).fragments)
            seen[response.watchID, default: []] += response.events
            count += response.events.count
        }
        for id in others { #expect(seen[id]?.map(\.kv.text) == ["small=before", "small=after"]) }
        for id in all {
            let events = try #require(seen[id])
            #expect(events.count == keys.count + 3)
            let deletes = events.dropFirst().dropLast()
            #expect(deletes.map(\.kv.key) == (keys + ["k/first"]).map { .init($0.utf8) })
            #expect(deletes.allSatisfy { $0.type == .delete && $0.kv.modRevision == revision })
            #expect(deletes.allSatisfy { $0.hasPrevKv == Way(id).previous })
        }
    }

    @Test func itIsReadFromTheLog() async throws {
        try await withEtcd { etcd, store in
            try await fill(store)
            let revision = try await etcd.delete("k/", "k0").header.revision
            try await etcd.put("k/last", "v")
            let stream = try await etcd.watch()
            let watches = Int64(0)..<8
            for id in watches {
                try await stream.create("k/", "k0", from: revision) { request in
                    (request.watchID, request.fragment, request.prevKv) = (id, Way(id).fragments, Way(id).previous)
                }
            }
            var seen: [Int64: Int] = [:]
            while seen.values.reduce(0, +) < watches.count * (keys.count + 1) {
                let response = try await stream.next()
                seen[response.watchID, default: 0] += response.events.count
            }
            #expect(seen.values.allSatisfy { $0 == keys.count + 1 })
            let previous = try await etcd.delete("k/", "k0", previous: true)
            #expect(previous.prevKvs.map(\.text) == ["k/last=v"])
        }
    }
}
