import Testing
import WireMessages

@testable import VigilServer

/// Puts, deletes, compactions, and what is refused.
@Suite(.timeLimit(.minutes(1))) struct WriteTests {
    @Test func putSaysWhatWasThere() async throws {
        try await withEtcd { etcd, _ in
            let first = try await etcd.put("a", "1") { $0.prevKv = true }
            #expect(first.header.revision == 2 && !first.hasPrevKv)
            let second = try await etcd.put("a", "2") { $0.prevKv = true }
            #expect(second.header.revision == 3 && second.prevKv.text == "a=1" && second.prevKv.modRevision == 2)
        }
    }

    @Test func putKeepsTheValue() async throws {
        try await withEtcd { etcd, _ in
            try await etcd.put("a", "1")
            let again = try await etcd.put("a", "") { $0.ignoreValue = true }
            #expect(again.header.revision == 3)
            let now = try await etcd.range("a").kvs[0]
            #expect(now.text == "a=1" && now.version == 2 && now.modRevision == 3)
            await #expect(throws: refusal(3, "etcdserver: key not found")) {
                try await etcd.put("b", "") { $0.ignoreValue = true }
            }
            await #expect(throws: refusal(3, "etcdserver: value is provided")) {
                try await etcd.put("a", "1") { $0.ignoreValue = true }
            }
        }
    }

    @Test func deletes() async throws {
        try await withEtcd { etcd, _ in
            for key in ["a", "b", "c"] { try await etcd.put(key, key) }
            let none = try await etcd.delete("x")
            #expect(none.deleted == 0 && none.header.revision == 4)
            let two = try await etcd.delete("b", "\0", previous: true)
            #expect(two.deleted == 2 && two.header.revision == 5 && two.prevKvs.map(\.text) == ["b=b", "c=c"])
            let one = try await etcd.delete("a")
            #expect(one.deleted == 1 && one.prevKvs.isEmpty)
        }
    }

    @Test func compactions() async throws {
        try await withEtcd { etcd, _ in
            for value in 0..<5 { try await etcd.put("a", "\(value)") }
            #expect(try await etcd.compact(4).header.revision == 6)
            await #expect(throws: refusal(11, "etcdserver: mvcc: required revision has been compacted")) {
                try await etcd.compact(4)
            }
            await #expect(throws: refusal(11, "etcdserver: mvcc: required revision is a future revision")) {
                try await etcd.compact(7)
            }
        }
    }

    @Test func refused() async throws {
        try await withEtcd { etcd, _ in
            await #expect(throws: refusal(3, "etcdserver: key is not provided")) { try await etcd.put("", "1") }
            await #expect(throws: refusal(3, "etcdserver: key is not provided")) { try await etcd.delete("") }
            await #expect(throws: refusal(5, "etcdserver: requested lease not found")) {
                try await etcd.put("a", "1") { $0.lease = 7 }
            }
            await #expect(throws: refusal(3, "etcdserver: request is too large")) {
                try await etcd.put("a", String(repeating: "x", count: 1_600_000))
            }
        }
    }

    @Test func health() async throws {
        try await withEtcd { etcd, _ in
            func check(_ service: String) async throws -> GRPCHealthCheckResponse {
                var request = GRPCHealthCheckRequest()
                request.service = service
                return try await etcd.call("Health/Check", request, package: "grpc.health.v1")
            }
            let whole = try await check("")
            #expect(whole.status == .serving)
            await #expect(throws: refusal(5, "there is no service nothing")) { try await check("nothing") }
        }
    }

    @Test func statusAndMembers() async throws {
        try await withEtcd { etcd, _ in
            try await etcd.put("a", "1")
            let status: EtcdStatusResponse = try await etcd.call("Maintenance/Status", EtcdStatusRequest())
            #expect(status.version == "3.5.13" && status.dbSize > 0 && status.leader == status.header.memberID)
            #expect(status.header.revision == 2)
            let members: EtcdMemberListResponse = try await etcd.call("Cluster/MemberList", EtcdMemberListRequest())
            #expect(members.members.count == 1 && members.members[0].id == status.leader)
            let alarms: EtcdAlarmResponse = try await etcd.call("Maintenance/Alarm", EtcdAlarmRequest())
            #expect(alarms.alarms.isEmpty)
        }
    }
}
