import SwiftProtobuf
import Testing
import WireMessages

@testable import VigilServer

/// Transactions over the wire.
@Suite(.timeLimit(.minutes(1))) struct TransactionTests {
    @Test func createsOnceAndReadsOtherwise() async throws {
        try await withEtcd { etcd, _ in
            func lock(_ owner: String) async throws -> EtcdTxnResponse {
                try await etcd.transaction {
                    $0.compare = [.create("lock", .equal, 0)]
                    $0.success = [.put("lock", owner), .get("lock")]
                    $0.failure = [.get("lock")]
                }
            }
            let mine = try await lock("me")
            #expect(mine.succeeded && mine.header.revision == 2)
            #expect(mine.responses[0].responsePut.header.revision == 2)
            #expect(mine.responses[1].responseRange.kvs.map(\.text) == ["lock=me"])
            let theirs = try await lock("you")
            #expect(!theirs.succeeded && theirs.header.revision == 2)
            #expect(theirs.responses[0].responseRange.kvs[0].createRevision == 2)
        }
    }

    @Test func comparesRevisionsAsTheyGoOverTheWire() async throws {
        try await withEtcd { etcd, _ in
            try await etcd.put("a", "1")
            try await etcd.put("a", "2")
            func holds(_ compare: EtcdCompare) async throws -> Bool {
                try await etcd.transaction { $0.compare = [compare] }.succeeded
            }
            var results = [try await holds(.mod("a", .equal, 3)), try await holds(.create("a", .equal, 2))]
            results += [try await holds(.mod("a", .greater, 2)), try await holds(.mod("a", .less, 4))]
            results += [try await holds(.mod("a", .greater, 1)), try await holds(.mod("none", .less, 1))]
            #expect(results == Array(repeating: true, count: 6))
            var wrong = [try await holds(.mod("a", .equal, 2)), try await holds(.mod("none", .equal, 1))]
            wrong += [try await holds(.mod("none", .greater, 0)), try await holds(.value("none", .notEqual, "x"))]
            #expect(wrong == Array(repeating: false, count: 4))
        }
    }

    @Test func comparesRanges() async throws {
        try await withEtcd { etcd, _ in
            for key in ["a/1", "a/2"] { try await etcd.put(key, "x") }
            func holds(_ compare: EtcdCompare) async throws -> Bool {
                var compare = compare
                compare.rangeEnd = .init("a0".utf8)
                return try await etcd.transaction { $0.compare = [compare] }.succeeded
            }
            let all = try await holds(.value("a/", .equal, "x"))
            try await etcd.put("a/2", "y")
            let some = try await holds(.value("a/", .equal, "x"))
            #expect(all && !some)
        }
    }

    @Test func nested() async throws {
        try await withEtcd { etcd, _ in
            let response = try await etcd.transaction {
                $0.success = [
                    .put("a", "1"),
                    .transaction {
                        // Asked before anything is changed.
                        $0.compare = [.create("a", .equal, 0)]
                        $0.success = [.put("b", "2"), .get("a")]
                        $0.failure = [.put("c", "3")]
                    },
                    .get("b"),
                ]
            }
            #expect(response.header.revision == 2)
            let inner = response.responses[1].responseTxn
            #expect(inner.succeeded && inner.responses[1].responseRange.kvs.map(\.text) == ["a=1"])
            #expect(response.responses[2].responseRange.kvs.map(\.text) == ["b=2"])
        }
    }

    @Test func readsThePast() async throws {
        try await withEtcd { etcd, _ in
            try await etcd.put("a", "1")
            try await etcd.put("a", "2")
            let response = try await etcd.transaction {
                $0.compare = [.create("a", .equal, 0)]
                $0.success = [.get("a", revision: 3)]
                $0.failure = [.put("a", "3"), .get("a", revision: 2), .get("a"), .get("a", revision: 3)]
            }
            #expect(response.responses.dropFirst().map { $0.responseRange.kvs[0].text } == ["a=1", "a=3", "a=2"])
            await #expect(throws: refusal(11, "etcdserver: mvcc: required revision is a future revision")) {
                try await etcd.transaction { $0.success = [.put("b", "1"), .get("a", revision: 50)] }
            }
            #expect(try await etcd.range("b").count == 0)
        }
    }

    @Test func refused() async throws {
        try await withEtcd { etcd, _ in
            let duplicate = refusal(3, "etcdserver: duplicate key given in txn request")
            let branches: [[EtcdRequestOp]] = [
                [.put("a", "1"), .put("a", "2")], [.put("b", "1"), .delete("a", "c")],
                [.put("a", "1"), .transaction { $0.failure = [.put("a", "2")] }],
                [.delete("a", "c"), .transaction { $0.success = [.put("a", "2")] }],
            ]
            for branch in branches {
                await #expect(throws: duplicate) { try await etcd.transaction { $0.success = branch } }
                // Also in the branch that does not run.
                await #expect(throws: duplicate) { try await etcd.transaction { $0.failure = branch } }
            }
            let exclusive = try await etcd.transaction {
                $0.success = [
                    .transaction {
                        $0.success = [.put("a", "1")]
                        $0.failure = [.put("a", "2")]
                    }, .delete("x", "y"), .delete("x", "z"),
                ]
            }
            #expect(exclusive.succeeded)
            let many = (0..<129).map { EtcdRequestOp.get("\($0)") }
            await #expect(throws: refusal(3, "etcdserver: too many operations in txn request")) {
                try await etcd.transaction { $0.success = many }
            }
            await #expect(throws: refusal(3, "etcdserver: key not found")) {
                try await etcd.transaction { $0.success = [EtcdRequestOp()] }
            }
            await #expect(throws: refusal(3, "etcdserver: key is not provided")) {
                try await etcd.transaction { $0.compare = [.create("", .equal, 0)] }
            }
        }
    }
}

extension EtcdCompare {
    static func create(_ key: String, _ result: CompareResult, _ revision: Int64) -> EtcdCompare {
        .with { ($0.key, $0.target, $0.result, $0.createRevision) = (.init(key.utf8), .create, result, revision) }
    }

    static func mod(_ key: String, _ result: CompareResult, _ revision: Int64) -> EtcdCompare {
        .with { ($0.key, $0.target, $0.result, $0.modRevision) = (.init(key.utf8), .mod, result, revision) }
    }

    static func value(_ key: String, _ result: CompareResult, _ value: String) -> EtcdCompare {
        .with { ($0.key, $0.target, $0.result, $0.value) = (.init(key.utf8), .value, result, .init(value.utf8)) }
    }
}
