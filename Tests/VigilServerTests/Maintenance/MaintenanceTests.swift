import SwiftProtobuf
import Testing
import Vigil
import WireMessages

@testable import VigilServer

/// Status, defragmentation and hashes, and what a single member says of clusters.
@Suite(.timeLimit(.minutes(1))) struct MaintenanceTests {
    @Test func statusIsHonest() async throws {
        try await withEtcd { etcd, store in
            // What does not compress.
            let value = String((0..<4096).map { _ in Character(UnicodeScalar(UInt8.random(in: 32...126))) })
            for number in 0..<200 { try await etcd.put("\(number)", value) }
            // Everything goes into the file, and then most of it is free.
            try await store.seal()
            try await etcd.delete("\0", "\0")
            // What a revision replaced is kept for as long as a watch may start from it.
            try await etcd.put("a", "1")
            try await store.compact(through: store.head)
            let before = try await etcd.status()
            #expect(before.leader == before.header.memberID && before.raftTerm == 1 && !before.isLearner)
            #expect(before.raftAppliedIndex == 203 && before.header.revision == 203)
            #expect(before.dbSize > 800 << 10 && before.dbSizeInUse < before.dbSize / 2)
            let _: EtcdDefragmentResponse = try await etcd.call("Maintenance/Defragment", EtcdDefragmentRequest())
            let after = try await etcd.status()
            #expect(after.dbSize < before.dbSize / 2 && after.dbSizeInUse <= after.dbSize)
            #expect(try await etcd.put("a", "1").header.revision == 204)
        }
    }

    @Test func hashesAreOfTheContents() async throws {
        let first = try await withEtcd { etcd, _ in
            var hashes = [try await etcd.hashKV()]
            for (key, value) in [("a", "1"), ("b", "2"), ("a", "3")] {
                try await etcd.put(key, value)
                hashes.append(try await etcd.hashKV())
            }
            #expect(Set(hashes.map(\.hash)).count == 4)
            #expect(hashes.map(\.hashRevision) == [1, 2, 3, 4])
            #expect(hashes.allSatisfy { $0.compactRevision == -1 })
            // Each stays what it was.
            for revision in 1...4 {
                #expect(try await etcd.hashKV(at: Int64(revision)).hash == hashes[revision - 1].hash)
            }
            let whole: EtcdHashResponse = try await etcd.call("Maintenance/Hash", EtcdHashRequest())
            #expect(whole.hash == hashes[3].hash)
            await #expect(throws: refusal(11, "etcdserver: mvcc: required revision is a future revision")) {
                _ = try await etcd.hashKV(at: 5)
            }
            try await etcd.compact(3)
            await #expect(throws: refusal(11, "etcdserver: mvcc: required revision has been compacted")) {
                _ = try await etcd.hashKV(at: 2)
            }
            let compacted = try await etcd.hashKV(at: 4)
            #expect(compacted.hash == hashes[3].hash && compacted.compactRevision == 3)
            return hashes.map(\.hash)
        }
        // Another store with the same changes has the same, and one with others has not.
        try await withEtcd { etcd, _ in
            try await etcd.put("a", "1")
            #expect(try await etcd.hashKV().hash == first[1])
            try await etcd.put("b", "3")
            #expect(try await etcd.hashKV().hash != first[2])
        }
    }

    @Test func hashesOfManyKeys() async throws {
        try await withEtcd { etcd, store in
            let changes = (0..<1500).map { Transaction.Operation.put(Bytes("\($0)"), "v") }
            try await store.transaction(Transaction(then: changes))
            let before = try await etcd.hashKV()
            // The last page counts too.
            try await etcd.delete("999")
            #expect(try await etcd.hashKV().hash != before.hash)
            #expect(try await etcd.hashKV(at: before.header.revision).hash == before.hash)
        }
    }

    @Test func thereIsNobodyToLead() async throws {
        try await withEtcd { etcd, _ in
            var request = EtcdMoveLeaderRequest()
            request.targetID = 1234
            await #expect(throws: refusal(9, "etcdserver: bad leader transferee")) {
                let _: EtcdMoveLeaderResponse = try await etcd.call("Maintenance/MoveLeader", request)
            }
            request.targetID = try await etcd.status().header.memberID
            let _: EtcdMoveLeaderResponse = try await etcd.call("Maintenance/MoveLeader", request)
        }
    }

    @Test(arguments: [
        (EtcdDowngradeRequest.DowngradeAction.validate, "", 3, "wrong downgrade target version format"),
        (.validate, "3.5.0", 3, "invalid downgrade target version"),
        (.enable, "2.0", 3, "invalid downgrade target version"),
        (.cancel, "", 9, "no inflight downgrade job"),
        (.enable, "3.4", 9, "vigil has no older version to become; nothing is changed"),
    ])
    func nothingBecomesOlder(
        _ action: EtcdDowngradeRequest.DowngradeAction, _ version: String, _ code: Int, _ message: String
    ) async throws {
        try await withEtcd { etcd, _ in
            await #expect(throws: refusal(code, "etcdserver: \(message)")) {
                _ = try await etcd.downgrade(action, version)
            }
            let validated = try await etcd.downgrade(.validate, "3.4.0")
            #expect(validated.version == "3.5.0")
        }
    }

    @Test func theClusterStaysAsItIs() async throws {
        try await withEtcd { etcd, _ in
            let list: EtcdMemberListResponse = try await etcd.call("Cluster/MemberList", EtcdMemberListRequest())
            let id = try #require(list.members.first).id
            #expect(list.members.count == 1 && list.header.memberID == id && list.header.revision == 0)
            func add(_ urls: String...) async throws {
                let request = EtcdMemberAddRequest.with { $0.peerUrls = urls }
                let _: EtcdMemberAddResponse = try await etcd.call("Cluster/MemberAdd", request)
            }
            let invalid = refusal(3, "etcdserver: given member URLs are invalid")
            await #expect(throws: invalid) { try await add() }
            for url in ["nonsense", "http://", "http://:1", "ftp://a:1", "http://a:1/path", "http://a"] {
                await #expect(throws: invalid) { try await add(url) }
            }
            await #expect(throws: refusal(9, "etcdserver: vigil is a single member, and none can be added")) {
                try await add("http://127.0.0.1:2380")
            }
            func remove(_ id: UInt64) async throws {
                let request = EtcdMemberRemoveRequest.with { $0.id = id }
                let _: EtcdMemberRemoveResponse = try await etcd.call("Cluster/MemberRemove", request)
            }
            await #expect(throws: refusal(5, "etcdserver: member not found")) { try await remove(1234) }
            await #expect(
                throws: refusal(2, "etcdserver: re-configuration failed due to not enough started members")
            ) { try await remove(id) }
            func promote(_ id: UInt64) async throws {
                let request = EtcdMemberPromoteRequest.with { $0.id = id }
                let _: EtcdMemberPromoteResponse = try await etcd.call("Cluster/MemberPromote", request)
            }
            await #expect(throws: refusal(5, "etcdserver: member not found")) { try await promote(1234) }
            await #expect(throws: refusal(9, "etcdserver: can only promote a learner member")) { try await promote(id) }
        }
    }
}
