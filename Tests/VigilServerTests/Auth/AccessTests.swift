import Foundation
import GRPCClient
import SwiftProtobuf
import Testing
import Vigil
import WireMessages

@testable import VigilServer

/// Every method that is served, called by every kind of user.
@Suite(.timeLimit(.minutes(2))) struct AccessTests {
    /// What happens to a call of nobody; with a wrong token; of a user without roles; of one that may read, and of one
    /// that may write, the keys from a to b; and of root. `E`: user name is empty, `T`: invalid token, `D`: permission
    /// denied, `.`: none of these.
    private struct Row {
        var path: String
        var outcomes: String
        var request: any Message

        init(_ path: String, _ outcomes: String, _ request: any Message) {
            self.path = path
            self.outcomes = outcomes
            self.request = request
        }
    }

    private static let anyone = "......"
    private static let users = "ET...."
    private static let readers = "ETD.D."
    private static let writers = "ETDD.."
    private static let root = "ETDDD."

    private static let rows: [Row] = [
        // Lease 7 holds a9, which the reader and the writer may, and lease 8 holds b.
        Row("/etcdserverpb.Lease/LeaseGrant", users, EtcdLeaseGrantRequest.with { $0.ttl = 60 }),
        Row("/etcdserverpb.Lease/LeaseKeepAlive", writers, EtcdLeaseKeepAliveRequest.with { $0.id = 7 }),
        Row("/etcdserverpb.Lease/LeaseKeepAlive", root, EtcdLeaseKeepAliveRequest.with { $0.id = 8 }),
        Row("/etcdserverpb.Lease/LeaseTimeToLive", users, EtcdLeaseTimeToLiveRequest.with { $0.id = 8 }),
        Row(
            "/etcdserverpb.Lease/LeaseTimeToLive", readers,
            EtcdLeaseTimeToLiveRequest.with { ($0.id, $0.keys) = (7, true) }),
        Row(
            "/etcdserverpb.Lease/LeaseTimeToLive", root,
            EtcdLeaseTimeToLiveRequest.with { ($0.id, $0.keys) = (8, true) }),
        Row("/etcdserverpb.Lease/LeaseLeases", root, EtcdLeaseLeasesRequest()),
        Row("/etcdserverpb.KV/Put", writers, EtcdPutRequest.with { ($0.key, $0.lease) = (a, 7) }),
        Row("/etcdserverpb.KV/Put", root, EtcdPutRequest.with { ($0.key, $0.lease) = (a, 8) }),
        Row(
            "/etcdserverpb.KV/Txn", root,
            EtcdTxnRequest.with { $0.success = [.with { ($0.requestPut.key, $0.requestPut.lease) = (a, 8) }] }),
        Row("/etcdserverpb.Lease/LeaseRevoke", root, EtcdLeaseRevokeRequest.with { $0.id = 8 }),
        Row("/etcdserverpb.Lease/LeaseLeases", readers, EtcdLeaseLeasesRequest()),
        Row("/etcdserverpb.Lease/LeaseRevoke", writers, EtcdLeaseRevokeRequest.with { $0.id = 7 }),
        Row("/etcdserverpb.Lease/LeaseRevoke", users, EtcdLeaseRevokeRequest.with { $0.id = 99 }),
        Row("/etcdserverpb.KV/Range", readers, EtcdRangeRequest.with { ($0.key, $0.rangeEnd) = (a, b) }),
        Row("/etcdserverpb.KV/Range", root, EtcdRangeRequest.with { ($0.key, $0.rangeEnd) = (a, zero) }),
        Row("/etcdserverpb.KV/Range", root, EtcdRangeRequest.with { ($0.key, $0.revision) = (b, 999) }),
        Row("/etcdserverpb.KV/Put", writers, EtcdPutRequest.with { $0.key = a }),
        Row("/etcdserverpb.KV/Put", writers, EtcdPutRequest.with { ($0.key, $0.ignoreValue) = (a, true) }),
        Row("/etcdserverpb.KV/Put", root, EtcdPutRequest.with { ($0.key, $0.prevKv) = (a, true) }),
        Row("/etcdserverpb.KV/DeleteRange", writers, EtcdDeleteRangeRequest.with { ($0.key, $0.rangeEnd) = (a, b) }),
        Row("/etcdserverpb.KV/DeleteRange", root, EtcdDeleteRangeRequest.with { ($0.key, $0.prevKv) = (a, true) }),
        Row("/etcdserverpb.KV/Txn", users, EtcdTxnRequest()),
        Row("/etcdserverpb.KV/Txn", readers, EtcdTxnRequest.with { $0.compare = [.with { $0.key = a }] }),
        Row("/etcdserverpb.KV/Txn", writers, EtcdTxnRequest.with { $0.failure = [.put("a", "1")] }),
        Row("/etcdserverpb.KV/Compact", root, EtcdCompactionRequest.with { $0.revision = 2 }),
        Row(
            "/etcdserverpb.Watch/Watch", readers,
            EtcdWatchRequest.with { ($0.createRequest.key, $0.createRequest.rangeEnd) = (a, b) }),
        Row("/etcdserverpb.Watch/Watch", root, EtcdWatchRequest.with { $0.createRequest.key = b }),
        Row("/etcdserverpb.Maintenance/Status", users, EtcdStatusRequest()),
        Row("/etcdserverpb.Maintenance/Alarm", users, EtcdAlarmRequest()),
        Row("/etcdserverpb.Maintenance/Alarm", root, EtcdAlarmRequest.with { $0.action = .activate }),
        Row("/etcdserverpb.Maintenance/Defragment", root, EtcdDefragmentRequest()),
        Row("/etcdserverpb.Maintenance/Hash", root, EtcdHashRequest()),
        Row("/etcdserverpb.Maintenance/HashKV", root, EtcdHashKVRequest()),
        Row("/etcdserverpb.Maintenance/Snapshot", root, EtcdSnapshotRequest()),
        Row("/etcdserverpb.Maintenance/MoveLeader", root, EtcdMoveLeaderRequest()),
        Row("/etcdserverpb.Maintenance/Downgrade", root, EtcdDowngradeRequest()),
        Row("/etcdserverpb.Cluster/MemberList", users, EtcdMemberListRequest()),
        Row("/etcdserverpb.Cluster/MemberAdd", root, EtcdMemberAddRequest()),
        Row("/etcdserverpb.Cluster/MemberRemove", root, EtcdMemberRemoveRequest()),
        Row("/etcdserverpb.Cluster/MemberUpdate", root, EtcdMemberUpdateRequest()),
        Row("/etcdserverpb.Cluster/MemberPromote", root, EtcdMemberPromoteRequest()),
        Row("/grpc.health.v1.Health/Check", anyone, GRPCHealthCheckRequest()),
        Row("/grpc.health.v1.Health/Watch", anyone, GRPCHealthCheckRequest()),
        Row("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", anyone, GRPCServerReflectionRequest()),
        Row("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", anyone, GRPCServerReflectionRequest()),
        Row("/etcdserverpb.Auth/Authenticate", anyone, EtcdAuthenticateRequest()),
        Row("/etcdserverpb.Auth/AuthStatus", root, EtcdAuthStatusRequest()),
        Row("/etcdserverpb.Auth/AuthEnable", root, EtcdAuthEnableRequest()),
        Row("/etcdserverpb.Auth/UserAdd", root, EtcdAuthUserAddRequest.with { $0.name = "x" }),
        Row("/etcdserverpb.Auth/UserGet", root, EtcdAuthUserGetRequest.with { $0.name = "x" }),
        Row("/etcdserverpb.Auth/UserGet", readers, EtcdAuthUserGetRequest.with { $0.name = "reader" }),
        Row("/etcdserverpb.Auth/UserList", root, EtcdAuthUserListRequest()),
        Row("/etcdserverpb.Auth/UserChangePassword", root, EtcdAuthUserChangePasswordRequest.with { $0.name = "x" }),
        Row("/etcdserverpb.Auth/UserGrantRole", root, EtcdAuthUserGrantRoleRequest.with { $0.user = "x" }),
        Row("/etcdserverpb.Auth/UserRevokeRole", root, EtcdAuthUserRevokeRoleRequest.with { $0.name = "x" }),
        Row("/etcdserverpb.Auth/UserDelete", root, EtcdAuthUserDeleteRequest.with { $0.name = "x" }),
        Row("/etcdserverpb.Auth/RoleAdd", root, EtcdAuthRoleAddRequest.with { $0.name = "x" }),
        Row("/etcdserverpb.Auth/RoleGet", root, EtcdAuthRoleGetRequest.with { $0.role = "x" }),
        Row("/etcdserverpb.Auth/RoleGet", writers, EtcdAuthRoleGetRequest.with { $0.role = "writer" }),
        Row("/etcdserverpb.Auth/RoleList", root, EtcdAuthRoleListRequest()),
        Row("/etcdserverpb.Auth/RoleGrantPermission", root, EtcdAuthRoleGrantPermissionRequest.with { $0.name = "x" }),
        Row(
            "/etcdserverpb.Auth/RoleRevokePermission", root, EtcdAuthRoleRevokePermissionRequest.with { $0.role = "x" }),
        Row("/etcdserverpb.Auth/RoleDelete", root, EtcdAuthRoleDeleteRequest.with { $0.role = "x" }),
        Row("/vigil.v1.Store/Positions", users, WirePositionsRequest()),
        Row("/vigil.v1.Store/Range", readers, WireRangeRequest.with { $0.keys = WireKeyRange(.range("a", "b")) }),
        Row("/vigil.v1.Store/Range", root, WireRangeRequest.with { $0.keys = WireKeyRange(.all) }),
        Row("/vigil.v1.Store/Log", readers, WireLogRequest.with { $0.keys = WireKeyRange(.prefix("a")) }),
        Row("/vigil.v1.Store/History", readers, WireHistoryRequest.with { $0.key = a }),
        Row("/vigil.v1.Store/Show", root, WireShowRequest.with { $0.revision = 1 }),
        Row("/vigil.v1.Store/Statistics", users, WireStatisticsRequest()),
        Row(
            "/vigil.v1.Store/Commit", writers,
            WireCommitRequest.with { $0.transactions = [.with { $0.operations = [.with { $0.put.key = a }] }] }),
        Row(
            "/vigil.v1.Store/Commit", root,
            WireCommitRequest.with { request in
                request.transactions = [.with { $0.operations = [.with { $0.deleteRange = WireKeyRange(.from("a")) }] }]
            }),
        Row("/vigil.v1.Store/Watch", readers, watch { $0.keys = WireKeyRange(.key("a")) }),
        Row("/vigil.v1.Store/Watch", root, watch { $0.keys = WireKeyRange(.all) }),
        Row(
            "/vigil.v1.Store/Watch", root,
            watch { ($0.keys, $0.start) = (WireKeyRange(.key("a")), WireStart(.cursor("c"))) }),
        // Lease 17 holds a, and 18 holds b.
        Row("/vigil.v1.Store/GrantLease", users, WireGrantLeaseRequest.with { ($0.seconds, $0.id) = (600, 17) }),
        Row("/vigil.v1.Store/GrantLease", users, WireGrantLeaseRequest.with { ($0.seconds, $0.id) = (600, 18) }),
        Row("/vigil.v1.Store/Commit", writers, put(a, lease: 17)),
        Row("/vigil.v1.Store/Commit", root, put(b, lease: 18)),
        Row("/vigil.v1.Store/Leases", users, WireLeasesRequest.with { $0.id = 18 }),
        Row("/vigil.v1.Store/Leases", root, WireLeasesRequest()),
        Row("/vigil.v1.Store/LeaseKeys", readers, WireLeaseKeysRequest.with { $0.id = 17 }),
        Row("/vigil.v1.Store/LeaseKeys", root, WireLeaseKeysRequest.with { $0.id = 18 }),
        Row("/vigil.v1.Store/KeepLeaseAlive", writers, WireKeepLeaseAliveRequest.with { $0.id = 17 }),
        Row("/vigil.v1.Store/KeepLeaseAlive", root, WireKeepLeaseAliveRequest.with { $0.id = 18 }),
        Row("/vigil.v1.Store/Commit", root, put(Data("a2".utf8), lease: 18)),
        Row("/vigil.v1.Store/RevokeLease", root, WireRevokeLeaseRequest.with { $0.id = 18 }),
        Row("/vigil.v1.Store/RevokeLease", writers, WireRevokeLeaseRequest.with { $0.id = 17 }),
        Row("/vigil.v1.Store/Cursors", root, WireCursorsRequest()),
        Row("/vigil.v1.Store/SetCursor", root, WireSetCursorRequest.with { $0.name = "c" }),
        Row("/vigil.v1.Store/RemoveCursor", root, WireRemoveCursorRequest.with { $0.name = "c" }),
        Row("/vigil.v1.Store/Compact", root, WireCompactRequest()),
        Row("/vigil.v1.Store/Seal", root, WireSealRequest()),
        Row("/vigil.v1.Store/Shrink", root, WireShrinkRequest()),
        Row("/vigil.v1.Store/Check", root, WireCheckRequest()),
        Row("/vigil.v1.Store/Backup", root, WireBackupRequest()),
        // Ends it for all.
        Row("/etcdserverpb.Auth/AuthDisable", root, EtcdAuthDisableRequest()),
    ]

    private static let (a, b, zero) = (Data("a".utf8), Data("b".utf8), Data([0]))

    private static func put(_ key: Data, lease: Int64) -> WireCommitRequest {
        let operation = WireOperation.with { ($0.leasedPut.key, $0.leasedPut.lease) = (key, lease) }
        return .with { $0.transactions = [.with { $0.operations = [operation] }] }
    }

    private static func watch(_ fill: (inout WireWatchRequest.Create) -> Void) -> WireWatchRequest {
        .with { request in
            request.create.start = WireStart(.now)
            fill(&request.create)
        }
    }

    @Test func everyMethodByEveryUser() async throws {
        try await withEtcd(options: .cheap) { etcd, _ in
            try await etcd.addRole("reader", .read, "a", "b")
            try await etcd.addRole("writer", .write, "a", "b")
            try await etcd.addUser("plain", "p")
            try await etcd.addUser("reader", "p", roles: ["reader"])
            try await etcd.addUser("writer", "p", roles: ["writer"])
            for (id, key) in [(7, "a9"), (8, "b")] as [(Int64, String)] {
                let _: EtcdLeaseGrantResponse = try await etcd.call(
                    "Lease/LeaseGrant", EtcdLeaseGrantRequest.with { ($0.ttl, $0.id) = (600, id) })
                try await etcd.put(key, "1") { $0.lease = id }
            }
            let root = try await etcd.restrict()
            var wrong = etcd
            wrong.token = "wrong"
            var callers = [etcd, wrong]
            for name in ["plain", "reader", "writer"] { callers.append(try await etcd.logIn(name, "p")) }
            callers.append(root)
            for row in Self.rows {
                var outcomes = ""
                for caller in callers { outcomes += try await Self.outcome(of: row, by: caller) }
                #expect(outcomes == row.outcomes, "\(row.path) \(row.request)")
            }
        }
    }

    /// A method that is added gets a row here.
    @Test func noMethodIsForgotten() async throws {
        try await withEtcd { _, store in
            let member = try Member(store: store, options: EtcdServerOptions())
            let auth = try Auth(store, tokenLifetime: .seconds(1))
            let served = Set(try EtcdServer.methods(of: member, auth).map(\.path))
            #expect(served == Set(Self.rows.map(\.path)))
        }
    }

    private static func outcome(of row: Row, by caller: EtcdClient) async throws -> String {
        let call = try await caller.client.call(row.path, headers: caller.headers)
        // Streams stay open, or they would end before they have said anything.
        let isStream = row.request is EtcdWatchRequest || row.request is WireWatchRequest
        try await call.send(try row.request.serializedBytes(), isLast: !isStream)
        var text: String
        if let message = try await call.next() {
            text = row.request is EtcdWatchRequest ? try EtcdWatchResponse(serializedBytes: message).cancelReason : ""
            try await call.cancel()
        } else {
            text = try await call.answer().message ?? ""
        }
        text = text.split(separator: "= ").last.map(String.init) ?? ""
        return switch text {
        case "etcdserver: user name is empty": row.path.hasSuffix("UserAdd") && caller.token != nil ? "." : "E"
        case "etcdserver: invalid auth token": "T"
        case "etcdserver: permission denied": "D"
        default: "."
        }
    }
}
