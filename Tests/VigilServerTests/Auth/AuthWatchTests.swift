import GRPCClient
import SwiftProtobuf
import Testing
import Threads
import Vigil
import WireMessages

@testable import VigilServer

/// Who may watch, and what becomes of a watch whose user may no more.
@Suite(.timeLimit(.minutes(1))) struct AuthWatchTests {
    private static let denied = "rpc error: code = PermissionDenied desc = etcdserver: permission denied"

    @Test func beginsOnlyIfAllowed() async throws {
        try await withEtcd(options: .cheap) { etcd, _ in
            try await etcd.addRole("r", .read, "a", "c")
            try await etcd.addUser("u", "up", roles: ["r"])
            try await etcd.addRole("key", .read, "k")
            try await etcd.addUser("one", "up", roles: ["key"])
            let root = try await etcd.restrict()
            func first(_ client: EtcdClient, _ key: String, _ end: String) async throws -> EtcdWatchResponse {
                let watch = try await client.watch()
                try await watch.create(key, end)
                let response = try await watch.next()
                try await watch.call.cancel()
                return response
            }
            let user = try await etcd.logIn("u", "up")
            for (key, end) in [("a", ""), ("a", "c"), ("b", "c"), ("b", "b\0")] {
                #expect(try await first(user, key, end).canceled == false, "\(key) to \(end)")
            }
            for (key, end) in [("c", ""), ("a", "d"), ("a", "\0"), ("", ""), ("\0", "\0"), ("b", "a")] {
                let response = try await first(user, key, end)
                #expect(response.created && response.canceled && response.watchID == -1)
                #expect(response.cancelReason == Self.denied, "\(key) to \(end)")
            }
            // A key alone is not everything from it on (GHSA-xg4h-6gfc-h4m8).
            let one = try await etcd.logIn("one", "up")
            #expect(try await first(one, "k", "\0").cancelReason == Self.denied)
            #expect(try await first(one, "k", "").canceled == false)
            #expect(try await first(root, "\0", "\0").canceled == false)
            #expect(
                try await first(etcd, "a", "").cancelReason
                    == "rpc error: code = InvalidArgument desc = etcdserver: user name is empty")
            var wrong = etcd
            wrong.token = "x"
            #expect(
                try await first(wrong, "a", "").cancelReason
                    == "rpc error: code = Unauthenticated desc = etcdserver: invalid auth token")
        }
    }

    @Test(arguments: ["role", "permission", "password", "user"])
    func endsWhenItMayNoMore(_ change: String) async throws {
        try await withEtcd(options: .cheap) { etcd, _ in
            try await etcd.addRole("r", .read, "a")
            try await etcd.addRole("s", .read, "b")
            try await etcd.addUser("u", "up", roles: ["r", "s"])
            let root = try await etcd.restrict()
            let watch = try await etcd.logIn("u", "up").watch()
            for key in ["a", "b"] {
                try await watch.create(key)
                #expect(try await watch.next().created)
            }
            try await root.put("a", "1")
            #expect(try await watch.events(1)[0].kv.text == "a=1")
            switch change {
            case "role": try await root.revoke(role: "r", from: "u")
            case "permission":
                let request = EtcdAuthRoleRevokePermissionRequest.with { ($0.role, $0.key) = ("r", .init("a".utf8)) }
                let _: EtcdAuthRoleRevokePermissionResponse = try await root.call("Auth/RoleRevokePermission", request)
            case "password": try await root.changePassword("u", "new")
            default: try await root.deleteUser("u")
            }
            try await root.put("a", "2")
            let end = try await watch.next()
            #expect(end.canceled && end.watchID == 0 && end.events.isEmpty && end.cancelReason == Self.denied)
            // The other one goes on, if only the first is concerned.
            try await root.put("b", "1")
            let other = try await watch.next()
            if ["role", "permission"].contains(change) {
                #expect(other.events.map(\.kv.text) == ["b=1"])
            } else {
                #expect(other.canceled && other.watchID == 1)
            }
        }
    }

    /// As in etcd: a token is needed to begin one.
    @Test func outlivesItsToken() async throws {
        let time = Lock(ContinuousClock.now)
        var options = EtcdServerOptions.cheap
        options.now = { time.withLock { $0 } }
        try await withEtcd(options: options) { etcd, _ in
            try await etcd.addRole("r", .read, "a")
            try await etcd.addUser("u", "up", roles: ["r"])
            var root = try await etcd.restrict()
            let watch = try await etcd.logIn("u", "up").watch()
            try await watch.create("a")
            #expect(try await watch.next().created)
            time.withLock { $0 += .seconds(1000) }
            root = try await etcd.logIn("root", "rp")
            try await root.addUser("other", "x")
            try await root.put("a", "1")
            #expect(try await watch.events(1)[0].kv.text == "a=1")
            try await watch.create("a")
            #expect(
                try await watch.next().cancelReason
                    == "rpc error: code = Unauthenticated desc = etcdserver: invalid auth token")
        }
    }

    /// Of those that began before users were asked for.
    @Test func nobodyWatchesOn() async throws {
        try await withEtcd(options: .cheap) { etcd, _ in
            let watch = try await etcd.watch()
            try await watch.create("a")
            #expect(try await watch.next().created)
            let root = try await etcd.restrict()
            try await root.put("a", "1")
            let end = try await watch.next()
            #expect(end.canceled && end.cancelReason.hasSuffix("etcdserver: user name is empty"))
        }
    }
}
