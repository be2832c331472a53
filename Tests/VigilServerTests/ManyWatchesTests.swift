import GRPCClient
import NIOCore
import TestSupport
import Testing
import Threads
import WatchDispatch
import WireMessages

@testable import Vigil
@testable import VigilServer

/// Many watches on one stream, and clients that do not read.
@Suite(.timeLimit(.minutes(1))) struct ManyWatchesTests {
    @Test func oneStreamCarriesAThousand() async throws {
        try await withEtcd { etcd, _ in
            let watch = try await etcd.watch()
            for number in 0..<1000 { try await watch.create("key/\(number)") }
            for number in 0..<1000 { #expect(try await watch.next().watchID == Int64(number)) }
            for number in stride(from: 0, to: 1000, by: 7) { try await etcd.put("key/\(number)", "v") }
            for number in stride(from: 0, to: 1000, by: 7) {
                let response = try await watch.next()
                #expect(response.watchID == Int64(number) && response.events.map(\.kv.text) == ["key/\(number)=v"])
            }
        }
    }

    /// C10, C12: whoever did not read gets everything afterwards, in order; nobody else waits for it.
    @Test func aClientThatStopsReadingMissesNothing() async throws {
        try await withEtcd { etcd, store in
            let (stalled, reading) = (try await etcd.watch(), try await etcd.watch())
            for _ in 0..<50 { try await stalled.create("k", "l") }
            try await reading.create("k", "l")
            for _ in 0..<50 { #expect(try await stalled.next().created) }
            #expect(try await reading.next().created)

            let value = Bytes(String(repeating: "v", count: 500))
            let writes = 2000
            for number in 0..<writes { try await store.put(Bytes("k\(number % 10)"), value) }
            #expect(try await reading.events(writes).map(\.kv.modRevision) == Array(2...Int64(writes) + 1))

            // A megabyte for each of fifty: far more than buffers hold.
            var seen: [Int64: [Int64]] = [:]
            var count = 0
            while count < 50 * writes {
                let response = try await stalled.next()
                seen[response.watchID, default: []] += response.events.map(\.kv.modRevision)
                count += response.events.count
            }
            #expect(seen.count == 50)
            for revisions in seen.values { #expect(revisions == Array(2...Int64(writes) + 1)) }
        }
    }

    /// What waits for a client that does not read is let go of, though no buffer is full: it is read from the log then.
    @Test func theWatchesOfAStalledStreamHoldNothing() async throws {
        try await withServing { server, store in
            let etcd = EtcdClient(try await Client.connect(to: .init(ipAddress: "127.0.0.1", port: server.port)))
            let watch = try await etcd.watch()
            let quiet = 100
            try await watch.create("large")
            for number in 0..<quiet { try await watch.create("quiet/\(number)") }
            for _ in 0...quiet { #expect(try await watch.next().created) }
            try await until { store.watchMetrics.watchers == UInt64(quiet) + 1 }
            func putAll(_ value: Bytes) async throws {
                for number in 0..<quiet { try await store.put(Bytes("quiet/\(number)"), value) }
            }
            // More than the windows hold.
            let large = Bytes(String(repeating: "v", count: 500_000))
            for _ in 0..<10 { try await store.put("large", large) }
            try await putAll("first")
            try await until { store.watchMetrics.dispatchedThrough == store.head }
            try await until { server.member.parkStalled() >= quiet }
            // They have been parked if the dispatcher finds them so.
            try await putAll("second")
            try await until { store.watchMetrics.parked >= UInt64(quiet) }

            var seen: [Int64: [String]] = [:]
            var count = 0
            while count < 10 + 2 * quiet {
                let response = try await watch.next()
                seen[response.watchID, default: []] += response.events.map {
                    String(decoding: $0.kv.value, as: UTF8.self)
                }
                count += response.events.count
            }
            #expect(seen.removeValue(forKey: 0)?.count == 10)
            #expect(seen.count == quiet && seen.values.allSatisfy { $0 == ["first", "second"] })
            // And they are as any others again.
            try await putAll("third")
            for _ in 0..<quiet { #expect(try await watch.next().events.map(\.kv.value) == [.init("third".utf8)]) }
        }
    }

    /// C12, C16: a compaction that overtakes a client which does not read ends its watch, and says so.
    @Test func aClientThatStopsReadingIsOvertakenByACompaction() async throws {
        try await withEtcd { etcd, store in
            let watch = try await etcd.watch()
            try await watch.create("k", from: 2)
            #expect(try await watch.next().created)
            let value = Bytes(String(repeating: "v", count: 100_000))
            for _ in 0..<200 { try await store.put("k", value) }
            try await store.compact(through: store.head)
            var last: Int64 = 1
            var response = try await watch.next()
            while !response.canceled {
                for event in response.events {
                    #expect(event.kv.modRevision == last + 1)
                    last = event.kv.modRevision
                }
                response = try await watch.next()
            }
            #expect(response.compactRevision == 201 && last < 201)
        }
    }

    @Test func theEndOfAStreamFreesItsWatches() async throws {
        try await withEtcd { etcd, store in
            for _ in 0..<20 {
                let watch = try await etcd.watch()
                for _ in 0..<100 { try await watch.create("a") }
                for _ in 0..<100 { _ = try await watch.next() }
                try await watch.call.cancel()
            }
            // Their tasks end soon; the registry says when they have.
            while store.registry.metrics.watchers > 0 { await Task.yield() }
        }
    }
}
