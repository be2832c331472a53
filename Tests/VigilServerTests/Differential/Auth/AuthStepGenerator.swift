import Foundation
import SwiftProtobuf
import TestSupport
import WireMessages

/// Makes steps of users.
struct AuthStepGenerator {
    private static let users = ["root", "alice", "bob", "carol", "dave", ""]
    private static let passwords = ["p", "q", ""]
    private static let roles = ["web", "db", "all", "root", "none", ""]
    private static let keys = ["a", "a/1", "a/2", "b", "c"].map { Data($0.utf8) }

    /// None that grants nothing, which old etcds take; and none of the same key: etcd then may grant a range a second time,
    /// beside the first, where here the second grant replaces it.
    private static let grants = [("a", ""), ("a/", "a0"), ("a/1", "b"), ("b", "\0"), ("0", "a0"), ("c", "")]
        .map { (Data($0.utf8), Data($1.utf8)) }

    static let makeRoot: [Question] = [
        Question(
            "Auth/UserAdd", EtcdAuthUserAddRequest.with { ($0.name, $0.password) = ("root", "p") },
            EtcdAuthUserAddResponse.self),
        Question("Auth/RoleAdd", EtcdAuthRoleAddRequest.with { $0.name = "root" }, EtcdAuthRoleAddResponse.self),
        Question(
            "Auth/UserGrantRole", EtcdAuthUserGrantRoleRequest.with { ($0.user, $0.role) = ("root", "root") },
            EtcdAuthUserGrantRoleResponse.self),
    ]

    private var random: SeededGenerator
    private let view: AuthComparison.View

    static func step(_ index: Int, seed: UInt64, _ view: AuthComparison.View) -> AuthStep {
        var generator = AuthStepGenerator(
            random: SeededGenerator(seed &+ UInt64(index) &* 0xD134_2543_DE82_EF95), view: view)
        return generator.step()
    }

    private mutating func step() -> AuthStep {
        // Most of the time users are asked for.
        switch random.below(100) {
        case 0..<2: .makeRoot(asker())
        case 2..<(view.isEnabled ? 3 : 10): .enable(asker())
        case 10: .disable(asker())
        case 11..<23: .logIn(name: user(), password: random.chance(2) ? "p" : password())
        case 23..<58: .ask(administrator(), administration())
        default: .ask(asker(), question())
        }
    }

    // MARK: Who

    private mutating func asker() -> AuthStep.Asker {
        // Old etcds refuse a token that is not valid also while nobody is asked for one.
        guard view.isEnabled else { return .nobody }
        return switch random.below(20) {
        case 0: .nobody
        case 1: .stranger
        default: view.logins.isEmpty ? .nobody : .login(random.chance(3) ? anyLogin() : lastLogin())
        }
    }

    /// Mostly root, once users are asked for.
    private mutating func administrator() -> AuthStep.Asker {
        guard view.isEnabled, !random.chance(6), let root = view.logins.lastIndex(of: "root") else { return asker() }
        return .login(root)
    }

    private mutating func anyLogin() -> Int { random.below(view.logins.count) }

    private mutating func lastLogin() -> Int {
        view.logins.lastIndex(of: Self.users[random.below(Self.users.count)]) ?? view.logins.count - 1
    }

    private mutating func user() -> String { Self.users[random.below(random.chance(4) ? Self.users.count : 4)] }

    private mutating func password() -> String { Self.passwords[random.below(Self.passwords.count)] }

    private mutating func role() -> String { Self.roles[random.below(random.chance(3) ? Self.roles.count : 3)] }

    private mutating func key() -> Data { random.chance(40) ? Data() : Self.keys[random.below(Self.keys.count)] }

    /// An end for `key`: none, a prefix's, all, or any that is not before it: whether etcd lets somebody read such a range,
    /// which is empty, depends on the order in which permissions were granted.
    private mutating func end(of key: Data) -> Data {
        switch random.below(8) {
        case 0..<4: return Data()
        case 4: return Data([0])
        case 5..<7: return key.isEmpty ? Data() : key.dropLast() + [key.last! + 1]
        default:
            let end = Self.keys[random.below(Self.keys.count)]
            return end.lexicographicallyPrecedes(key) ? key : end
        }
    }

    // MARK: What is asked about users and roles

    private mutating func administration() -> Question {
        switch random.below(20) {
        case 0..<3: addUser()
        case 3:
            Question(
                "Auth/UserDelete", EtcdAuthUserDeleteRequest.with { $0.name = user() },
                EtcdAuthUserDeleteResponse.self)
        case 4: changePassword()
        case 5..<8:
            Question(
                "Auth/UserGrantRole", EtcdAuthUserGrantRoleRequest.with { ($0.user, $0.role) = (user(), role()) },
                EtcdAuthUserGrantRoleResponse.self)
        case 8:
            Question(
                "Auth/UserRevokeRole", EtcdAuthUserRevokeRoleRequest.with { ($0.name, $0.role) = (user(), role()) },
                EtcdAuthUserRevokeRoleResponse.self)
        case 9..<11:
            Question(
                "Auth/RoleAdd", EtcdAuthRoleAddRequest.with { $0.name = role() }, EtcdAuthRoleAddResponse.self)
        case 11:
            Question(
                "Auth/RoleDelete", EtcdAuthRoleDeleteRequest.with { $0.role = role() },
                EtcdAuthRoleDeleteResponse.self)
        case 12..<16: grantPermission()
        case 16: revokePermission()
        default: look()
        }
    }

    private mutating func addUser() -> Question {
        let request = EtcdAuthUserAddRequest.with { request in
            request.name = user()
            request.password = password()
            if random.chance(8) { request.options.noPassword = true }
        }
        return Question("Auth/UserAdd", request, EtcdAuthUserAddResponse.self)
    }

    private mutating func changePassword() -> Question {
        let request = EtcdAuthUserChangePasswordRequest.with { ($0.name, $0.password) = (user(), password()) }
        // An empty one is none, but for etcd 3.4.
        return Question(
            "Auth/UserChangePassword", request, EtcdAuthUserChangePasswordResponse.self,
            rule: request.password.isEmpty ? .new : .same)
    }

    private mutating func grantPermission() -> Question {
        let request = EtcdAuthRoleGrantPermissionRequest.with { request in
            request.name = role()
            if random.chance(20) { return }
            request.perm.permType = EtcdPermission.TypeEnum(rawValue: random.below(3))!
            (request.perm.key, request.perm.rangeEnd) = Self.grants[random.below(Self.grants.count)]
        }
        // One that is missing ends the process of etcd 3.4.
        return Question(
            "Auth/RoleGrantPermission", request, EtcdAuthRoleGrantPermissionResponse.self,
            rule: request.hasPerm ? .same : .new)
    }

    private mutating func revokePermission() -> Question {
        let request = EtcdAuthRoleRevokePermissionRequest.with { request in
            request.role = role()
            (request.key, request.rangeEnd) = Self.grants[random.below(Self.grants.count)]
            if random.chance(8) { request.rangeEnd = end(of: request.key) }
        }
        return Question("Auth/RoleRevokePermission", request, EtcdAuthRoleRevokePermissionResponse.self)
    }

    private mutating func look() -> Question {
        switch random.below(5) {
        case 0:
            // Old etcds take somebody without a name for nobody, who so is told of himself.
            Question(
                "Auth/UserGet", EtcdAuthUserGetRequest.with { $0.name = user() }, EtcdAuthUserGetResponse.self,
                rule: .anyUser)
        case 1:
            Question("Auth/RoleGet", EtcdAuthRoleGetRequest.with { $0.role = role() }, EtcdAuthRoleGetResponse.self)
        case 2: Question("Auth/UserList", EtcdAuthUserListRequest(), EtcdAuthUserListResponse.self)
        case 3: Question("Auth/RoleList", EtcdAuthRoleListRequest(), EtcdAuthRoleListResponse.self)
        default: Question("Auth/AuthStatus", EtcdAuthStatusRequest(), EtcdAuthStatusResponse.self, rule: .new)
        }
    }

    // MARK: What users ask

    private mutating func question() -> Question {
        switch random.below(30) {
        case 0..<8: Question("KV/Range", range(), EtcdRangeResponse.self)
        case 8..<14: Question("KV/Put", put(), EtcdPutResponse.self)
        case 14..<17: Question("KV/DeleteRange", delete(), EtcdDeleteRangeResponse.self)
        case 17..<21: transaction()
        case 21..<25: watch()
        case 25: compaction()
        case 26..<28: lease()
        default: look()
        }
    }

    private mutating func range() -> EtcdRangeRequest {
        .with { request in
            request.key = key()
            request.rangeEnd = end(of: request.key)
            request.serializable = random.chance(4)
            request.countOnly = random.chance(6)
        }
    }

    private mutating func put() -> EtcdPutRequest {
        .with { request in
            request.key = key()
            request.value = Data("v\(random.below(5))".utf8)
            request.prevKv = random.chance(3)
            if random.chance(6) { request.lease = Int64(random.below(3)) + 1 }
            if random.chance(8) { (request.ignoreValue, request.value) = (true, Data()) }
        }
    }

    private mutating func delete() -> EtcdDeleteRangeRequest {
        .with { request in
            request.key = key()
            if random.chance(3) { request.rangeEnd = end(of: request.key) }
            request.prevKv = random.chance(3)
        }
    }

    private mutating func transaction() -> Question {
        let request = EtcdTxnRequest.with { request in
            for _ in 0..<random.below(3) {
                request.compare.append(
                    .with { compare in
                        compare.key = key()
                        if random.chance(3) { compare.rangeEnd = end(of: compare.key) }
                        compare.target = .version
                        compare.version = Int64(random.below(2))
                    })
            }
            for _ in 0..<random.below(3) { request.success.append(operation()) }
            for _ in 0..<random.below(3) { request.failure.append(operation()) }
            if KnownDifferences.changesTwice(request) { (request.success, request.failure) = ([], []) }
        }
        let isEmpty = request.compare.isEmpty && request.success.isEmpty && request.failure.isEmpty
        return Question("KV/Txn", request, EtcdTxnResponse.self, rule: isEmpty ? .anyUser : .same)
    }

    private mutating func operation() -> EtcdRequestOp {
        .with { operation in
            switch random.below(5) {
            case 0..<2: operation.requestRange = range()
            case 2..<4:
                operation.requestPut = put()
                // Old etcds do not look whether previous values may be read, nor at leases.
                (operation.requestPut.prevKv, operation.requestPut.lease) = (false, 0)
            default: operation.requestDeleteRange = delete()
            }
        }
    }

    private mutating func watch() -> Question {
        Question(
            watch: .with { request in
                request.createRequest.key = key()
                request.createRequest.rangeEnd = end(of: request.createRequest.key)
            })
    }

    private mutating func compaction() -> Question {
        Question(
            "KV/Compact", EtcdCompactionRequest.with { $0.revision = .max }, EtcdCompactionResponse.self, rule: .root)
    }

    private mutating func lease() -> Question {
        let id = Int64(random.below(3)) + 1
        switch random.below(4) {
        case 0..<2:
            return Question(
                "Lease/LeaseGrant", EtcdLeaseGrantRequest.with { ($0.id, $0.ttl) = (id, 100_000) },
                EtcdLeaseGrantResponse.self, rule: .anyUser)
        case 2:
            return Question(
                "Lease/LeaseRevoke", EtcdLeaseRevokeRequest.with { $0.id = id }, EtcdLeaseRevokeResponse.self,
                rule: .anyUser)
        default:
            return Question(
                "Lease/LeaseTimeToLive", EtcdLeaseTimeToLiveRequest.with { ($0.id, $0.keys) = (id, true) },
                EtcdLeaseTimeToLiveResponse.self, rule: .root
            ) { ours, theirs in
                ours.keys.sort { $0.lexicographicallyPrecedes($1) }
                theirs.keys.sort { $0.lexicographicallyPrecedes($1) }
                if ours.ttl >= 0, theirs.ttl >= 0, abs(ours.ttl - theirs.ttl) <= 1 { ours.ttl = theirs.ttl }
            }
        }
    }
}
