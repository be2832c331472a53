import Testing
import Vigil
import WireMessages

@testable import VigilServer

/// Alarms: who raises them, what they forbid, and how they end.
@Suite(.timeLimit(.minutes(1))) struct AlarmTests {
    @Test func noSpaceForbidsPutsOnly() async throws {
        try await withEtcd { etcd, _ in
            try await etcd.put("a", "1")
            try await etcd.put("b", "1")
            _ = try await etcd.grant(60, id: 7)
            #expect(try await etcd.alarm(.activate, .nospace, member: 5).map(\.memberID) == [5])
            #expect(try await etcd.alarm(.get).map(\.alarm) == [.nospace])
            #expect(try await etcd.status().errors == ["memberID:5 alarm:NOSPACE "])
            let full = refusal(8, "etcdserver: mvcc: database space exceeded")
            await #expect(throws: full) { try await etcd.put("a", "2") }
            await #expect(throws: full) { _ = try await etcd.transaction { $0.success = [.put("a", "2")] } }
            await #expect(throws: full) {
                _ = try await etcd.transaction {
                    $0.failure = [.transaction { $0.failure = [.get("a"), .put("a", "2")] }]
                }
            }
            await #expect(throws: full) { _ = try await etcd.grant(60) }
            await #expect(throws: full) { _ = try await etcd.grant(9_000_000_001) }
            #expect(try await etcd.keepAlive(7).ttl == 60)
            try await etcd.revoke(7)
            // What is wrong with a request is said first.
            await #expect(throws: refusal(3, "etcdserver: key is not provided")) { try await etcd.put("", "2") }
            #expect(try await etcd.delete("b").deleted == 1)
            #expect(try await etcd.transaction { $0.success = [.get("a"), .delete("b")] }.succeeded)
            #expect(try await etcd.range("a").kvs.map(\.text) == ["a=1"])
            try await etcd.compact(3)
            // It goes when exactly it is taken back.
            #expect(try await etcd.alarm(.deactivate, .nospace, member: 6) == [])
            #expect(try await etcd.alarm(.deactivate, .nospace, member: 5).count == 1)
            #expect(try await etcd.alarm(.deactivate, .nospace, member: 5) == [])
            try await etcd.put("a", "2")
        }
    }

    @Test func corruptionForbidsEveryWrite() async throws {
        try await withEtcd { etcd, _ in
            try await etcd.put("a", "1")
            _ = try await etcd.grant(60, id: 7)
            _ = try await etcd.alarm(.activate, .corrupt)
            let corrupt = refusal(15, "etcdserver: corrupt cluster")
            await #expect(throws: corrupt) { try await etcd.put("a", "2") }
            await #expect(throws: corrupt) { try await etcd.delete("a") }
            await #expect(throws: corrupt) { try await etcd.compact(2) }
            await #expect(throws: corrupt) { _ = try await etcd.grant(60) }
            await #expect(throws: corrupt) { try await etcd.revoke(7) }
            #expect(try await etcd.transaction { $0.success = [.get("a")] }.succeeded)
            #expect(try await etcd.range("a").count == 1)
        }
    }

    @Test func unknownKindsAreRefused() async throws {
        try await withEtcd { etcd, _ in
            await #expect(throws: refusal(3, "etcdserver: there is no alarm of type 9")) {
                _ = try await etcd.alarm(.activate, .UNRECOGNIZED(9))
            }
            let none = try await etcd.alarm(.activate, .none)
            let all = try await etcd.alarm(.get)
            #expect(none == [] && all == [])
        }
    }

    @Test func thereIsABoundOnAlarms() throws {
        let alarms = try Alarms(FailingStorage())
        for id in 0..<2000 { alarms.raise(Alarm(kind: .noSpace, memberID: UInt64(id))) }
        #expect(alarms.raised.count == Limits.alarms)
    }

    @Test func aFullDiskRaisesOne() async throws {
        try await withMember { member in
            await #expect(throws: StoreError(.full, "no room")) {
                try await member.writing { throw StoreError(.full, "no room") }
            }
            #expect(member.alarms.raised == [Alarm(kind: .noSpace, memberID: member.memberID)])
            #expect(throws: StoreError.self) { try member.alarms.requireWritable(grows: true) }
            // Other failures do not.
            #expect(member.alarms.takeBack(member.alarms.raised[0]))
            await #expect(throws: StoreError(.io, "")) { try await member.writing { throw StoreError(.io, "") } }
            #expect(member.alarms.raised == [])
        }
    }

    @Test func aQuotaRaisesOne() async throws {
        var options = EtcdServerOptions()
        options.quotaBytes = 1 << 20
        try await withEtcd(options: options) { etcd, _ in
            let quota = try await etcd.status().dbSizeQuota
            #expect(quota == 1 << 20)
            let value = String(repeating: "v", count: 64 << 10)
            var written = 0
            let refused = await #expect(throws: EtcdClient.Refusal.self) {
                while true {
                    try await etcd.put("\(written)", value)
                    written += 1
                }
            }
            #expect(refused == refusal(8, "etcdserver: mvcc: database space exceeded"))
            #expect(written >= 16)
            let raised = try await etcd.alarm(.get)
            #expect(raised.map(\.alarm) == [.nospace])
        }
    }
}
