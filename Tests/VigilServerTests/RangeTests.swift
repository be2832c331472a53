import GRPCServer
import Testing
import WireMessages

@testable import VigilServer

/// Reads: each option of a range, and what is refused.
@Suite(.timeLimit(.minutes(1))) struct RangeTests {
    /// a at revision 2, b at 3 and 5, c at 4.
    private func withKeys(_ body: (EtcdClient) async throws -> Void) async throws {
        try await withEtcd { etcd, _ in
            try await etcd.put("a", "3")
            try await etcd.put("b", "0")
            try await etcd.put("c", "1")
            try await etcd.put("b", "2")
            try await body(etcd)
        }
    }

    @Test func anEmptyStoreIsAtRevisionOne() async throws {
        try await withEtcd { etcd, _ in
            let empty = try await etcd.range("a")
            #expect(empty.header.revision == 1 && empty.count == 0 && empty.kvs.isEmpty)
            #expect(empty.header.clusterID != 0 && empty.header.memberID != 0 && empty.header.raftTerm != 0)
            let first = try await etcd.put("a", "1")
            #expect(first.header.revision == 2)
        }
    }

    @Test func keysAndRanges() async throws {
        try await withKeys { etcd in
            let one = try await etcd.range("b")
            #expect(one.kvs.map(\.text) == ["b=2"] && one.count == 1)
            #expect(one.kvs[0].createRevision == 3 && one.kvs[0].modRevision == 5 && one.kvs[0].version == 2)
            #expect(try await etcd.range("a", "c").kvs.map(\.text) == ["a=3", "b=2"])
            #expect(try await etcd.range("b", "\0").kvs.map(\.text) == ["b=2", "c=1"])
            #expect(try await etcd.range("\0", "\0").kvs.count == 3)
            #expect(try await etcd.range("c", "a").count == 0)
        }
    }

    @Test func limitCountsAndSaysMore() async throws {
        try await withKeys { etcd in
            let two = try await etcd.range("a", "\0") { $0.limit = 2 }
            #expect(two.kvs.map(\.text) == ["a=3", "b=2"] && two.more && two.count == 3)
            let three = try await etcd.range("a", "\0") { $0.limit = 3 }
            #expect(three.kvs.count == 3 && !three.more && three.count == 3)
            let count = try await etcd.range("a", "\0") { $0.countOnly = true }
            #expect(count.kvs.isEmpty && count.count == 3 && !count.more)
            let keys = try await etcd.range("a", "\0") { $0.keysOnly = true }
            #expect(keys.kvs.map(\.text) == ["a=", "b=", "c="])
        }
    }

    @Test func order() async throws {
        try await withKeys { etcd in
            func keys(_ target: EtcdRangeRequest.SortTarget, _ order: EtcdRangeRequest.SortOrder) async throws -> String
            {
                let response = try await etcd.range("a", "\0") {
                    $0.sortTarget = target
                    $0.sortOrder = order
                }
                return response.kvs.map { String(decoding: $0.key, as: UTF8.self) }.joined()
            }
            let results = [
                try await keys(.key, .none), try await keys(.key, .ascend), try await keys(.key, .descend),
                try await keys(.value, .none), try await keys(.value, .descend), try await keys(.version, .descend),
                try await keys(.create, .descend), try await keys(.mod, .ascend),
            ]
            #expect(results == ["abc", "abc", "cba", "cba", "abc", "bac", "cba", "acb"])
            let newest = try await etcd.range("a", "\0") {
                $0.sortTarget = .mod
                $0.sortOrder = .descend
                $0.limit = 1
            }
            #expect(newest.kvs.map(\.text) == ["b=2"] && newest.more && newest.count == 3)
        }
    }

    @Test func filtersApplyBeforeTheLimit() async throws {
        try await withKeys { etcd in
            let recent = try await etcd.range("a", "\0") {
                $0.minModRevision = 4
                $0.limit = 1
            }
            #expect(recent.kvs.map(\.text) == ["b=2"] && recent.more && recent.count == 3)
            let first = try await etcd.range("a", "\0") { $0.maxCreateRevision = 3 }
            #expect(first.kvs.map(\.text) == ["a=3", "b=2"])
            let none = try await etcd.range("a", "\0") {
                $0.minCreateRevision = 3
                $0.maxModRevision = 3
            }
            #expect(none.kvs.isEmpty && none.count == 3 && !none.more)
        }
    }

    @Test func thePast() async throws {
        try await withKeys { etcd in
            let past = try await etcd.range("a", "\0") { $0.revision = 3 }
            #expect(past.kvs.map(\.text) == ["a=3", "b=0"] && past.count == 2 && past.header.revision == 5)
            #expect(try await etcd.range("a", "\0") { $0.revision = 1 }.count == 0)
            await #expect(throws: refusal(11, "etcdserver: mvcc: required revision is a future revision")) {
                try await etcd.range("a") { $0.revision = 6 }
            }
            try await etcd.compact(4)
            #expect(try await etcd.range("b") { $0.revision = 4 }.kvs.map(\.text) == ["b=0"])
            await #expect(throws: refusal(11, "etcdserver: mvcc: required revision has been compacted")) {
                try await etcd.range("a") { $0.revision = 3 }
            }
        }
    }

    /// It would not be sent: so it is not read as a whole either.
    @Test func anAnswerThatIsTooLarge() async throws {
        var options = EtcdServerOptions()
        options.connections.maximumUnsentBytes = 1 << 20
        try await withEtcd(options: options) { etcd, _ in
            let value = String(repeating: "v", count: 1000)
            for part in 0..<20 {
                _ = try await etcd.transaction { request in
                    request.success = (0..<100).map { .put("k/\(part)/\($0)", value) }
                }
            }
            let tooLarge = refusal(
                8, "the answer has more than 1048576 bytes, the limit; read the range in parts, with a limit")
            await #expect(throws: tooLarge) { try await etcd.range("k/", "k0") }
            await #expect(throws: tooLarge) {
                try await etcd.range("k/", "k0") { ($0.sortTarget, $0.sortOrder) = (.mod, .descend) }
            }
            #expect(try await etcd.range("k/", "k0") { $0.limit = 500 }.kvs.count == 500)
            #expect(try await etcd.range("k/", "k0") { $0.keysOnly = true }.kvs.count == 2000)
            #expect(try await etcd.range("k/", "k0") { $0.countOnly = true }.count == 2000)
            let newest = try await etcd.range("k/", "k0") {
                ($0.sortTarget, $0.sortOrder, $0.limit) = (.mod, .descend, 1)
            }
            #expect(newest.kvs.count == 1 && newest.count == 2000 && newest.more)
        }
    }

    @Test func refused() async throws {
        try await withEtcd { etcd, _ in
            await #expect(throws: refusal(3, "etcdserver: key is not provided")) { try await etcd.range("") }
            await #expect(throws: refusal(3, "etcdserver: invalid sort option")) {
                try await etcd.range("a") { $0.sortOrder = .UNRECOGNIZED(7) }
            }
        }
    }
}

func refusal(_ code: Int, _ message: String) -> EtcdClient.Refusal {
    EtcdClient.Refusal(code: code, message: message)
}
