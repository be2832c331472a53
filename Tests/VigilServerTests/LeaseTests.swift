import Foundation
import GRPCClient
import SwiftProtobuf
import Testing
import Vigil
import WireMessages

@testable import VigilServer

/// Leases over the wire, as etcd answers.
@Suite(.timeLimit(.minutes(1))) struct LeaseServiceTests {
    @Test func aLeaseFromItsGrantToItsEnd() async throws {
        try await withEtcd { etcd, _ in
            let granted = try await etcd.grant(60, id: 7)
            #expect(granted.id == 7 && granted.ttl == 60 && granted.header.revision == 1)
            try await etcd.put("a", "1") { $0.lease = 7 }
            try await etcd.put("b", "2") { $0.lease = 7 }
            #expect(try await etcd.range("a").kvs.first?.lease == 7)
            let left = try await etcd.timeToLive(7)
            #expect((58...60).contains(left.ttl) && left.grantedTtl == 60)
            #expect(left.keys == [Data("a".utf8), Data("b".utf8)])
            let watch = try await etcd.watch()
            try await watch.create("a", "c", from: 4)
            let revoked = try await etcd.revoke(7)
            #expect(revoked.header.revision == 4)
            var events: [EtcdEvent] = []
            while events.count < 2 { events += try await watch.next().events }
            #expect(events.map(\.type) == [.delete, .delete] && events.map(\.kv.modRevision) == [4, 4])
            #expect(try await etcd.leases().leases.isEmpty)
        }
    }

    @Test func whatIsNotThere() async throws {
        try await withEtcd { etcd, _ in
            let missing = refusal(5, "etcdserver: requested lease not found")
            await #expect(throws: missing) { try await etcd.revoke(9) }
            await #expect(throws: missing) { try await etcd.put("a", "1") { $0.lease = 9 } }
            // Of a key that is not there either, a put tells of the lease, and a transaction of the key.
            await #expect(throws: missing) { try await etcd.put("a", "") { ($0.lease, $0.ignoreValue) = (9, true) } }
            await #expect(throws: refusal(3, "etcdserver: key not found")) {
                let put = EtcdPutRequest("a", "") { ($0.lease, $0.ignoreValue) = (9, true) }
                _ = try await etcd.transaction { $0.success = [.with { $0.requestPut = put }] }
            }
            let missingTime = try await etcd.timeToLive(9).ttl
            #expect(missingTime == -1)
            #expect(try await etcd.keepAlive(9).ttl == 0)
        }
    }

    @Test func theListIsInTheOrderOfTheEnds() async throws {
        try await withEtcd { etcd, _ in
            for (id, seconds) in [(1, 600), (2, 60), (3, 3600), (4, 61)] {
                _ = try await etcd.grant(Int64(seconds), id: Int64(id))
            }
            #expect(try await etcd.leases().leases.map(\.id) == [2, 4, 1, 3])
        }
    }

    @Test func limits() async throws {
        try await withEtcd { etcd, _ in
            #expect(try await etcd.grant(1, id: 3).ttl == 2)
            let raised = try await etcd.grant(-5).ttl
            #expect(raised == 2)
            #expect(try await etcd.grant(60).id > 0)
            await #expect(throws: refusal(9, "etcdserver: lease already exists")) { try await etcd.grant(60, id: 3) }
            await #expect(throws: refusal(11, "etcdserver: too large lease TTL")) {
                try await etcd.grant(9_000_000_001)
            }
            #expect(try await etcd.grant(9_000_000_000).ttl == 9_000_000_000)
        }
    }

    @Test func keepsAlive() async throws {
        try await withEtcd { etcd, _ in
            _ = try await etcd.grant(30, id: 5)
            let answer = try await etcd.keepAlive(5)
            #expect(answer.id == 5 && answer.ttl == 30)
        }
    }

    @Test func inTransactions() async throws {
        try await withEtcd { etcd, _ in
            _ = try await etcd.grant(30, id: 5)
            try await etcd.put("a", "1") { $0.lease = 5 }
            let response = try await etcd.transaction { transaction in
                var compare = EtcdCompare()
                compare.key = Data("a".utf8)
                compare.target = .lease
                compare.lease = 5
                transaction.compare = [compare]
                var put = EtcdRequestOp()
                put.requestPut = EtcdPutRequest("a", "2") { $0.ignoreLease = true }
                transaction.success = [put]
            }
            #expect(response.succeeded)
            #expect(try await etcd.range("a").kvs.first.map { [$0.text, "\($0.lease)"] } == ["a=2", "5"])
            await #expect(throws: refusal(3, "etcdserver: lease is provided")) {
                try await etcd.put("a", "2") {
                    $0.lease = 5
                    $0.ignoreLease = true
                }
            }
            await #expect(throws: refusal(3, "etcdserver: key not found")) {
                try await etcd.put("b", "2") { $0.ignoreLease = true }
            }
        }
    }
}

extension EtcdClient {
    func grant(_ seconds: Int64, id: Int64 = 0) async throws -> EtcdLeaseGrantResponse {
        var request = EtcdLeaseGrantRequest()
        (request.ttl, request.id) = (seconds, id)
        return try await call("Lease/LeaseGrant", request)
    }

    @discardableResult
    func revoke(_ id: Int64) async throws -> EtcdLeaseRevokeResponse {
        var request = EtcdLeaseRevokeRequest()
        request.id = id
        return try await call("Lease/LeaseRevoke", request)
    }

    func timeToLive(_ id: Int64) async throws -> EtcdLeaseTimeToLiveResponse {
        var request = EtcdLeaseTimeToLiveRequest()
        (request.id, request.keys) = (id, true)
        return try await call("Lease/LeaseTimeToLive", request)
    }

    func leases() async throws -> EtcdLeaseLeasesResponse {
        try await call("Lease/LeaseLeases", EtcdLeaseLeasesRequest())
    }

    func keepAlive(_ id: Int64) async throws -> EtcdLeaseKeepAliveResponse {
        var request = EtcdLeaseKeepAliveRequest()
        request.id = id
        return try await call("Lease/LeaseKeepAlive", request)
    }
}
