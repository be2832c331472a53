import Foundation
import SwiftProtobuf
import Testing
import WireMessages

/// What the storage of kube-apiserver asks of etcd, as it asks it: objects are created, changed and deleted by guarded
/// transactions, listed in pages of one revision, and watched from the revision of the list; and whoever compacts agrees
/// on it by a key. A real etcd, where there is one, has to pass too.
@Suite(.timeLimit(.minutes(2))) struct KubernetesTests {
    @Test func onThisServer() async throws {
        try await withEtcd { etcd, _ in try await Self.useAsStorage(etcd) }
    }

    @Test(arguments: PeerEtcd.all) func onEtcd(_ peer: PeerEtcd) async throws {
        try await peer.serve { etcd, _ in try await Self.useAsStorage(etcd) }
    }

    private static func useAsStorage(_ etcd: EtcdClient) async throws {
        let storage = Storage(etcd: etcd)
        for number in 0..<7 { #expect(try await storage.put("pods/\(number)", "new", ifAt: 0).succeeded) }
        try await objects(storage)
        try await lists(storage)
        try await watches(storage)
        try await compactions(storage)
    }

    /// Creating what exists, and changing or deleting what has changed meanwhile, tells what is there.
    private static func objects(_ storage: Storage) async throws {
        let existing = try await storage.put("pods/0", "again", ifAt: 0)
        let found = try #require(existing.responses.first?.responseRange.kvs.first)
        #expect(!existing.succeeded && found.text == "/registry/pods/0=new")
        let changed = try await storage.put("pods/0", "changed", ifAt: found.modRevision)
        #expect(changed.succeeded && changed.header.revision == found.modRevision + 7)
        let late = try await storage.put("pods/0", "late", ifAt: found.modRevision)
        #expect(!late.succeeded)
        #expect(late.responses.first?.responseRange.kvs.first?.modRevision == changed.header.revision)
        #expect(try await storage.delete("pods/0", ifAt: found.modRevision).succeeded == false)
        let deleted = try await storage.delete("pods/0", ifAt: changed.header.revision)
        #expect(deleted.succeeded && deleted.responses.first?.responseDeleteRange.deleted == 1)
        // Gone, and nothing is in its place.
        let gone = try await storage.put("pods/0", "late", ifAt: changed.header.revision)
        #expect(!gone.succeeded && gone.responses.first?.responseRange.kvs.isEmpty == true)
    }

    /// Pages are of the revision of the first, whatever changes meanwhile; each says how many keys there are in all.
    private static func lists(_ storage: Storage) async throws {
        let etcd = storage.etcd
        let (first, end) = ("/registry/pods/", "/registry/pods0")
        let page = try await etcd.range(first, end) { $0.limit = 4 }
        #expect(page.kvs.count == 4 && page.more && page.count == 6)
        let revision = page.header.revision
        _ = try await storage.put("pods/5", "later", ifAt: page.kvs[0].modRevision + 4)
        _ = try await storage.put("pods/9", "later", ifAt: 0)
        let next = String(decoding: page.kvs[3].key, as: UTF8.self) + "\0"
        let rest = try await etcd.range(next, end) {
            $0.limit = 4
            $0.revision = revision
        }
        #expect(rest.kvs.map(\.text) == ["/registry/pods/5=new", "/registry/pods/6=new"])
        #expect(!rest.more && rest.count == 2 && rest.header.revision == revision + 2)
        let count = try await etcd.range(first, end) { $0.countOnly = true }
        #expect(count.count == 7 && count.kvs.isEmpty)
        let keys = try await etcd.range(first, end) { $0.keysOnly = true }
        #expect(keys.kvs.count == 7 && keys.kvs.allSatisfy { $0.value.isEmpty && $0.modRevision > 0 })
    }

    /// From the list on, with what was there before, and told how far it is.
    private static func watches(_ storage: Storage) async throws {
        let etcd = storage.etcd
        let head = try await etcd.range("/registry/health").header.revision
        let watch = try await etcd.watch()
        try await watch.create("/registry/pods/", "/registry/pods0", from: head + 1) {
            $0.prevKv = true
            $0.progressNotify = true
        }
        #expect(try await watch.next().created)
        let lease = try await storage.grant(seconds: 3600)
        let created = try await storage.put("pods/leased", "v", ifAt: 0, lease: lease).header.revision
        let changed = try await storage.put("pods/leased", "w", ifAt: created, lease: lease).header.revision
        try await storage.revoke(lease)
        let events = try await watch.events(3)
        #expect(events.map(\.kv.modRevision) == [created, changed, changed + 1])
        #expect(events.map(\.type) == [.put, .put, .delete])
        #expect(events.map { $0.prevKv.text } == ["=", "/registry/pods/leased=v", "/registry/pods/leased=w"])
        // An object of another kind: nothing comes, but the watch is as far.
        let other = try await storage.put("nodes/1", "v", ifAt: 0).header.revision
        try await watch.requestProgress()
        let progress = try await watch.next()
        #expect(progress.events.isEmpty && progress.header.revision == other)
    }

    /// Of those that want to compact, one wins each time.
    private static func compactions(_ storage: Storage) async throws {
        let etcd = storage.etcd
        let head = try await etcd.range("/registry/health").header.revision
        #expect(try await storage.agree(ifVersion: 0, on: 0).succeeded)
        let lost = try await storage.agree(ifVersion: 0, on: 0)
        #expect(!lost.succeeded && lost.responses.first?.responseRange.kvs.first?.version == 1)
        #expect(try await storage.agree(ifVersion: 1, on: head).succeeded)
        try await etcd.compact(head)
        do {
            _ = try await etcd.range("/registry/pods/", "/registry/pods0") { $0.revision = head - 1 }
            Issue.record("a list of what is compacted")
        } catch let refusal as EtcdClient.Refusal {
            #expect(refusal == .init(code: 11, message: "etcdserver: mvcc: required revision has been compacted"))
        }
        let watch = try await etcd.watch()
        try await watch.create("/registry/pods/", "/registry/pods0", from: head - 1)
        #expect(try await watch.next().created)
        let gone = try await watch.next()
        #expect(gone.canceled && gone.compactRevision == head)
    }
}

/// The requests that kube-apiserver makes.
private struct Storage {
    let etcd: EtcdClient

    func put(_ key: String, _ value: String, ifAt revision: Int64, lease: Int64 = 0) async throws -> EtcdTxnResponse {
        let operation = EtcdRequestOp.with {
            $0.requestPut = EtcdPutRequest("/registry/\(key)", value) { $0.lease = lease }
        }
        return try await change(key, ifAt: revision, operation)
    }

    func delete(_ key: String, ifAt revision: Int64) async throws -> EtcdTxnResponse {
        try await change(key, ifAt: revision, .delete("/registry/\(key)"))
    }

    private func change(_ key: String, ifAt revision: Int64, _ operation: EtcdRequestOp) async throws -> EtcdTxnResponse
    {
        try await etcd.transaction {
            $0.compare = [
                .with {
                    $0.key = Data("/registry/\(key)".utf8)
                    $0.target = .mod
                    $0.result = .equal
                    $0.modRevision = revision
                }
            ]
            $0.success = [operation]
            $0.failure = [.get("/registry/\(key)")]
        }
    }

    func agree(ifVersion version: Int64, on revision: Int64) async throws -> EtcdTxnResponse {
        try await etcd.transaction {
            $0.compare = [
                .with {
                    $0.key = Data("compact_rev_key".utf8)
                    $0.target = .version
                    $0.result = .equal
                    $0.version = version
                }
            ]
            $0.success = [.put("compact_rev_key", "\(revision)")]
            $0.failure = [.get("compact_rev_key")]
        }
    }

    func grant(seconds: Int64) async throws -> Int64 {
        let granted: EtcdLeaseGrantResponse = try await etcd.call(
            "Lease/LeaseGrant", EtcdLeaseGrantRequest.with { $0.ttl = seconds })
        return granted.id
    }

    func revoke(_ lease: Int64) async throws {
        let _: EtcdLeaseRevokeResponse = try await etcd.call(
            "Lease/LeaseRevoke", EtcdLeaseRevokeRequest.with { $0.id = lease })
    }
}
