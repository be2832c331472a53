import GRPCClient
import GRPCServer
import NIOHPACK
import SwiftProtobuf
import TestSupport
import Testing
import Threads
import Vigil
import WireMessages

@testable import VigilServer

/// Users and roles over the wire. Codes and texts are those of etcd 3.5.
@Suite(.timeLimit(.minutes(2))) struct AuthTests {
    @Test func onAndOff() async throws {
        try await withEtcd(options: .cheap) { etcd, _ in
            let fresh = try await etcd.authStatus()
            #expect(!fresh.enabled && fresh.authRevision == 1)
            await #expect(throws: refusal(9, "etcdserver: authentication is not enabled")) {
                try await etcd.logIn("root", "rp")
            }
            try await etcd.disable()
            await #expect(throws: refusal(9, "etcdserver: root user does not exist")) { try await etcd.enable() }
            try await etcd.addUser("root", "rp")
            await #expect(throws: refusal(9, "etcdserver: root user does not have root role")) {
                try await etcd.enable()
            }
            try await etcd.grant(role: "root", to: "root")
            try await etcd.enable()
            await #expect(throws: refusal(3, "etcdserver: user name is empty")) { try await etcd.put("a", "1") }
            await #expect(throws: refusal(3, "etcdserver: user name is empty")) { try await etcd.enable() }
            let root = try await etcd.logIn("root", "rp")
            try await root.enable()
            try await root.put("a", "1")
            #expect(try await root.authStatus().authRevision == 3)
            #expect(try await root.authStatus().enabled)
            try await root.disable()
            // Tokens mean nothing now, also wrong ones.
            #expect(try await root.range("a").count == 1)
            #expect(try await root.authStatus().authRevision == 4)
            try await etcd.enable()
            await #expect(throws: refusal(16, "etcdserver: invalid auth token")) { try await root.range("a") }
        }
    }

    /// As in etcd: what makes no sense is refused before anybody looks who asks it.
    @Test func senseComesBeforeTokens() async throws {
        try await withEtcd(options: .cheap) { etcd, _ in
            _ = try await etcd.restrict()
            let noKey = refusal(3, "etcdserver: key is not provided")
            await #expect(throws: noKey) { try await etcd.range("") }
            await #expect(throws: noKey) { try await etcd.put("", "1") }
            await #expect(throws: noKey) { try await etcd.delete("") }
            await #expect(throws: refusal(3, "etcdserver: duplicate key given in txn request")) {
                try await etcd.transaction { $0.success = [.put("a", "1"), .put("a", "2")] }
            }
        }
    }

    @Test func passwords() async throws {
        try await withEtcd(options: .cheap) { etcd, _ in
            try await etcd.addUser("u", "up")
            try await etcd.addUser("empty", "")
            let noPassword = EtcdAuthUserAddRequest.with { request in
                request.name = "none"
                request.password = "ignored"
                request.options.noPassword = true
            }
            let _: EtcdAuthUserAddResponse = try await etcd.call("Auth/UserAdd", noPassword)
            let root = try await etcd.restrict()
            _ = try await etcd.logIn("u", "up")
            _ = try await etcd.logIn("empty", "")
            let failed = refusal(3, "etcdserver: authentication failed, invalid user ID or password")
            for (name, password) in [
                ("u", "x"), ("u", ""), ("zz", "x"), ("zz", ""), ("", ""), ("none", "ignored"), ("none", ""),
                ("empty", "x"),
            ] {
                await #expect(throws: failed, "\(name):\(password)") { try await etcd.logIn(name, password) }
            }
            // Who has none never gets one.
            try await root.changePassword("none", "new")
            await #expect(throws: failed) { try await etcd.logIn("none", "new") }
            // An empty one, given later, is none.
            try await root.changePassword("u", "")
            await #expect(throws: failed) { try await etcd.logIn("u", "") }
            try await root.changePassword("u", "new")
            _ = try await etcd.logIn("u", "new")
            let hashed = EtcdAuthUserAddRequest.with { ($0.name, $0.hashedPassword) = ("h", "JDJhJDA0") }
            await #expect(throws: EtcdClient.Refusal.self) {
                let _: EtcdAuthUserAddResponse = try await root.call("Auth/UserAdd", hashed)
            }
        }
    }

    @Test func refusedChanges() async throws {
        try await withEtcd(options: .cheap) { etcd, _ in
            let root = try await etcd.restrict()
            try await root.addRole("r", .read, "a", "c")
            try await root.addUser("u", "up")
            await #expect(throws: refusal(3, "etcdserver: user name is empty")) { try await root.addUser("", "x") }
            await #expect(throws: refusal(9, "etcdserver: user name already exists")) {
                try await root.addUser("u", "x")
            }
            await #expect(throws: refusal(9, "etcdserver: user name not found")) { try await root.deleteUser("zz") }
            await #expect(throws: refusal(9, "etcdserver: user name not found")) {
                try await root.changePassword("zz", "x")
            }
            await #expect(throws: refusal(9, "etcdserver: user name not found")) {
                try await root.grant(role: "r", to: "zz")
            }
            await #expect(throws: refusal(9, "etcdserver: role name not found")) {
                try await root.grant(role: "zz", to: "u")
            }
            await #expect(throws: refusal(9, "etcdserver: role is not granted to the user")) {
                try await root.revoke(role: "r", from: "u")
            }
            await #expect(throws: refusal(3, "etcdserver: role name is empty")) {
                try await root.addRole("", .read, "a")
            }
            await #expect(throws: refusal(9, "etcdserver: role name already exists")) {
                try await root.addRole("r", .read, "a")
            }
            await #expect(throws: refusal(3, "etcdserver: invalid auth management")) {
                try await root.addRole("s", .read, "b", "a")
            }
            await #expect(throws: refusal(3, "etcdserver: permission not given")) {
                let request = EtcdAuthRoleGrantPermissionRequest.with { $0.name = "r" }
                let _: EtcdAuthRoleGrantPermissionResponse = try await root.call("Auth/RoleGrantPermission", request)
            }
            await #expect(throws: refusal(9, "etcdserver: permission is not granted to the role")) {
                let request = EtcdAuthRoleRevokePermissionRequest.with { ($0.role, $0.key) = ("r", .init("a".utf8)) }
                let _: EtcdAuthRoleRevokePermissionResponse = try await root.call("Auth/RoleRevokePermission", request)
            }
            // Nobody locks himself out.
            await #expect(throws: refusal(3, "etcdserver: invalid auth management")) {
                try await root.deleteUser("root")
            }
            await #expect(throws: refusal(3, "etcdserver: invalid auth management")) {
                try await root.revoke(role: "root", from: "root")
            }
            await #expect(throws: refusal(3, "etcdserver: invalid auth management")) {
                let request = EtcdAuthRoleDeleteRequest.with { $0.role = "root" }
                let _: EtcdAuthRoleDeleteResponse = try await root.call("Auth/RoleDelete", request)
            }
        }
    }

    /// All of a transaction is asked for: comparisons, both branches, and the transactions within it.
    @Test func transactions() async throws {
        try await withEtcd(options: .cheap) { etcd, _ in
            try await etcd.addRole("w", .write, "a")
            try await etcd.addRole("r", .read, "b")
            try await etcd.addUser("u", "up", roles: ["w", "r"])
            let root = try await etcd.restrict()
            let user = try await etcd.logIn("u", "up")
            _ = try await user.transaction { $0.success = [.put("a", "1"), .get("b")] }
            let denied = refusal(7, "etcdserver: permission denied")
            let previous = EtcdRequestOp.with { ($0.requestPut.key, $0.requestPut.prevKv) = (.init("a".utf8), true) }
            let refused: [@Sendable (inout EtcdTxnRequest) -> Void] = [
                { $0.compare = [.with { $0.key = .init("a".utf8) }] },
                { $0.compare = [.with { ($0.key, $0.rangeEnd) = (.init("b".utf8), .init("c".utf8)) }] },
                { $0.success = [.put("b", "1")] }, { $0.failure = [.put("b", "1")] }, { $0.success = [.get("a")] },
                { $0.success = [previous] }, { $0.failure = [.delete("a", "b")] }, { $0.success = [.delete("b")] },
                { $0.success = [.transaction { $0.failure = [.transaction { $0.success = [.put("b", "1")] }] }] },
                { $0.success = [.transaction { $0.compare = [.with { $0.key = .init("a".utf8) }] }] },
            ]
            for (number, fill) in refused.enumerated() {
                await #expect(throws: denied, "transaction \(number)") { try await user.transaction(fill) }
            }
            #expect(try await root.range("\0", "\0").kvs.map(\.text) == ["a=1"])
        }
    }

    @Test func tokensExpireAndDieWithChanges() async throws {
        let time = Lock(ContinuousClock.now)
        var options = EtcdServerOptions.cheap
        options.tokenLifetime = .seconds(10)
        options.now = { time.withLock { $0 } }
        func pass(_ seconds: Int) { time.withLock { $0 += .seconds(seconds) } }
        try await withEtcd(options: options) { etcd, _ in
            try await etcd.addRole("r", .readwrite, "a")
            for name in ["u", "v"] { try await etcd.addUser(name, "p", roles: ["r"]) }
            var root = try await etcd.restrict()
            let user = try await etcd.logIn("u", "p")
            for _ in 0..<3 {
                pass(9)
                try await user.put("a", "1")
            }
            let invalid = refusal(16, "etcdserver: invalid auth token")
            await #expect(throws: invalid) { try await root.range("a") }
            root = try await etcd.logIn("root", "rp")
            let others = [try await etcd.logIn("u", "p"), try await etcd.logIn("v", "p")]
            try await root.changePassword("u", "q")
            await #expect(throws: invalid) { try await user.range("a") }
            await #expect(throws: invalid) { try await others[0].range("a") }
            // Other changes leave it: what it may do is looked at anew.
            try await root.revoke(role: "r", from: "v")
            await #expect(throws: refusal(7, "etcdserver: permission denied")) { try await others[1].range("a") }
            try await root.grant(role: "r", to: "v")
            _ = try await others[1].range("a")
            try await root.deleteUser("v")
            await #expect(throws: invalid) { try await others[1].range("a") }
            try await root.addUser("v", "p", roles: ["r"])
            await #expect(throws: invalid) { try await others[1].range("a") }
            for token in ["", "x", "abcdefghijklmnop.3"] {
                var wrong = etcd
                wrong.token = token
                await #expect(throws: invalid) { try await wrong.range("a") }
            }
            let answer = try await etcd.client.unary(
                "/etcdserverpb.Cluster/MemberList", [], headers: ["authorization": root.token!])
            #expect(answer.status == 0)
        }
    }

    /// Logins are slow on purpose, but what else is asked for is not.
    @Test func aFloodOfLogins() async throws {
        var options = EtcdServerOptions()
        options.hashing = PasswordHash.Parameters(rounds: 1 << 12, blockSize: 8, parallelism: 1)
        try await withEtcd(options: options) { etcd, _ in
            let root = try await etcd.restrict()
            try await root.put("a", "1")
            let outcomes = Lock<[Int: Int]>([:])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<(2 * Limits.waitingHashesOfOrigin) {
                    group.addTask {
                        do {
                            _ = try await etcd.logIn("root", "wrong \(number)")
                        } catch let refusal as EtcdClient.Refusal {
                            outcomes.withLock { $0[refusal.code, default: 0] += 1 }
                        }
                    }
                }
                // Some are through, so all have come.
                while outcomes.withLock({ $0.isEmpty }) { await Task.yield() }
                for _ in 0..<50 { #expect(try await root.range("a").count == 1) }
                let done = outcomes.withLock { $0[3] ?? 0 }
                #expect(done < Limits.waitingHashesOfOrigin / 2, "the reads waited for \(done) logins")
                try await group.waitForAll()
            }
            // Either wrong, or too many.
            let all = outcomes.withLock { $0 }
            #expect(Set(all.keys).isSubset(of: [3, 8]), "\(all)")
            #expect((all[3] ?? 0) >= Limits.waitingHashesOfOrigin, "\(all)")
        }
    }
}
