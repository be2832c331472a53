import GRPCServer
import TestSupport
import Testing
import Vigil

@testable import VigilServer

/// Users, roles and permissions, against a model that keeps lists of facts and looks through all of them.
@Suite struct AuthStateTests {
    @Test(arguments: [UInt64.random(in: 0...UInt64.max)])
    func asAModel(_ seed: UInt64) throws {
        var random = SeededGenerator(seed)
        for round in 0..<20 {
            var state = AuthState()
            var model = Model()
            var records: [String: [UInt8]] = [:]
            for step in 0..<300 {
                let change = Change.random(&random)
                let before = state
                let outcome = Result { () throws(Status) in try change.apply(to: &state) }
                let label: Comment = "seed \(seed), round \(round), step \(step): \(change)"
                let expected = model.apply(change)
                switch outcome {
                case .success(let touched):
                    #expect(expected == nil, label)
                    if let touched {
                        #expect(state.revision == before.revision + (change.counts ? 1 : 0), label)
                        for (name, value) in try state.records(touched) { records[name] = value }
                    } else {
                        #expect(state == before, label)
                    }
                case .failure(let status):
                    #expect(status == expected, label)
                    #expect(state == before, label)
                }
                #expect(state.isEnabled == model.isEnabled, label)
                #expect(state.users.keys.sorted() == model.users.sorted(), label)
                #expect(state.roles.keys.sorted() == model.roles.sorted(), label)
                // What was stored makes the same.
                #expect(try AuthState(records: records.list) == state, label)
                for user in Names.users {
                    let permissions = state.permissions(of: user)
                    for range in Ranges.all {
                        #expect(permissions.mayRead(range.range) == model.may(user, .read, range), label)
                        #expect(permissions.mayWrite(range.range) == model.may(user, .write, range), label)
                    }
                }
            }
        }
    }

    @Test func changesOfAPasswordEndLogins() throws {
        var state = AuthState()
        _ = try state.addUser("u", password: nil, takesPassword: true)
        let since = state.users["u"]!.since
        _ = try state.addUser("v", password: nil, takesPassword: true)
        #expect(state.users["u"]!.since == since)
        _ = try state.changePassword(of: "u", to: nil)
        let later = state.users["u"]!.since
        #expect(later > since)
        _ = try state.deleteUser("u")
        _ = try state.addUser("u", password: nil, takesPassword: true)
        #expect(state.users["u"]!.since > later)
    }

    @Test func namesAreBytes() throws {
        var state = AuthState()
        _ = try state.addUser(Bytes("\u{E9}"), password: nil, takesPassword: true)
        _ = try state.addUser(Bytes("e\u{301}"), password: nil, takesPassword: true)
        #expect(state.users.count == 2)
    }

    @Test func limits() throws {
        var state = AuthState()
        let long = Bytes(String(repeating: "x", count: Limits.nameBytes + 1))
        #expect(throws: Status.self) { try state.addUser(long, password: nil, takesPassword: true) }
        #expect(throws: Status.self) { try state.addRole(long) }
        _ = try state.addRole("r")
        for number in 0..<Limits.permissionsOfRole {
            _ = try state.grant(Permission(kind: .read, key: Bytes("\(number)"), end: ""), to: "r")
        }
        _ = try state.grant(Permission(kind: .write, key: "0", end: ""), to: "r")
        #expect(throws: Status.self) { try state.grant(Permission(kind: .read, key: "x", end: ""), to: "r") }
    }

    /// Records of other making are refused, and never bring the process down.
    @Test(arguments: [UInt64.random(in: 0...UInt64.max)])
    func damagedRecords(_ seed: UInt64) throws {
        var random = SeededGenerator(seed)
        var state = AuthState()
        let hash = PasswordHash(of: "x", parameters: PasswordTests.cheap)
        var touched = [try state.addUser("root", password: hash, takesPassword: true), try state.addRole("r")]
        touched.append(try state.grant(Permission(kind: .readWrite, key: "a", end: "b"), to: "r"))
        touched.append(try #require(try state.grant(role: "r", to: "root")))
        var records: [String: [UInt8]] = [:]
        for (name, value) in try touched.flatMap({ try state.records($0) }) { records[name] = value }
        #expect(try AuthState(records: records.list) == state)
        for _ in 0..<3000 {
            var damaged = records
            let name = records.keys.sorted()[random.below(3)]
            damaged[name]![random.below(damaged[name]!.count)] ^= UInt8(1 << random.below(8))
            // Some changes make another good record. What was believed can be computed with.
            if let read = try? AuthState(records: damaged.list) {
                for user in read.users.values { #expect(user.password?.parameters.isSane ?? true, "seed \(seed)") }
            }
        }
        // Records that are cut, moved, unknown, or lonely.
        let user = AuthRecords.user("root")
        for (name, value) in [
            ("auth/other", []), (user, records[user]!.dropLast()), (AuthRecords.user("x"), records[user]!),
            (AuthRecords.settings, nil),
        ] as [(String, [UInt8]?)] {
            var damaged = records
            damaged[name] = value
            #expect(throws: StoreError.self, "\(name)") { try AuthState(records: damaged.list) }
        }
    }
}

extension [String: [UInt8]] {
    fileprivate var list: [(name: String, value: [UInt8])] { map { ($0.key, $0.value) } }
}

private enum Names {
    static let users: [Bytes] = ["root", "u", "v"]
    static let roles: [Bytes] = ["root", "r", "s"]
    static let any: [Bytes] = ["", "u", "v", "root", "r", "s"]
}

/// Ranges of a space of three keys, as they are granted and asked for, with the keys that they have.
private struct Ranges: Hashable {
    var key: Bytes
    var end: Bytes
    var keys: Set<String>

    var range: KeyRange { KeyRange(key: key, end: end) }

    static let all = [
        Ranges(key: "a", end: "", keys: ["a"]), Ranges(key: "a", end: "a\0", keys: ["a"]),
        Ranges(key: "a\0", end: "c", keys: ["b"]), Ranges(key: "a", end: "c", keys: ["a", "b"]),
        Ranges(key: "c", end: "\0", keys: ["c"]), Ranges(key: "a", end: "\0", keys: ["a", "b", "c"]),
        Ranges(key: "b", end: "a", keys: []), Ranges(key: "", end: "", keys: []),
    ]
}

private enum Change {
    case enable
    case disable
    case addUser(Bytes)
    case deleteUser(Bytes)
    case changePassword(Bytes)
    case grantRole(Bytes, Bytes)
    case revokeRole(Bytes, Bytes)
    case addRole(Bytes)
    case deleteRole(Bytes)
    case grant(Bytes, Permission.Kind, Ranges)
    case revoke(Bytes, Ranges)

    /// Whether it makes a revision.
    var counts: Bool { if case .enable = self { false } else { true } }

    static func random(_ random: inout SeededGenerator) -> Change {
        let name = Names.any[random.below(Names.any.count)]
        let user = Names.users[random.below(3)]
        let role = Names.roles[random.below(3)]
        let range = Ranges.all[random.below(Ranges.all.count)]
        switch random.below(14) {
        case 0: return .enable
        case 1: return .disable
        case 2: return .addUser(name)
        case 3: return .addUser(user)
        case 4: return .deleteUser(user)
        case 5: return .changePassword(user)
        case 6, 7: return .grantRole(role, user)
        case 8: return .revokeRole(role, user)
        case 9: return .addRole(name)
        case 10: return .deleteRole(role)
        case 11, 12: return .grant(role, [.read, .write, .readWrite][random.below(3)], range)
        default: return .revoke(role, range)
        }
    }

    func apply(to state: inout AuthState) throws(Status) -> AuthState.Touched? {
        switch self {
        case .enable: try state.enable()
        case .disable: state.disable()
        case .addUser(let name): try state.addUser(name, password: nil, takesPassword: true)
        case .deleteUser(let name): try state.deleteUser(name)
        case .changePassword(let name): try state.changePassword(of: name, to: nil)
        case .grantRole(let role, let name): try state.grant(role: role, to: name)
        case .revokeRole(let role, let name): try state.revoke(role: role, from: name)
        case .addRole(let name): try state.addRole(name)
        case .deleteRole(let name): try state.deleteRole(name)
        case .grant(let role, let kind, let range):
            try state.grant(Permission(kind: kind, key: range.key, end: range.end), to: role)
        case .revoke(let role, let range): try state.revoke(key: range.key, end: range.end, from: role)
        }
    }
}

private struct Model {
    struct Grant: Hashable {
        var role: Bytes
        var kind: Permission.Kind
        var range: Ranges
    }

    var isEnabled = false
    var users: Set<Bytes> = []
    var roles: Set<Bytes> = []
    var memberships: Set<[Bytes]> = []
    var grants: Set<Grant> = []

    /// What it is refused with.
    mutating func apply(_ change: Change) -> Status? {
        switch change {
        case .enable:
            if isEnabled { return nil }
            guard users.contains("root") else { return .rootUserMissing }
            guard memberships.contains(["root", "root"]) else { return .rootRoleMissing }
            isEnabled = true
        case .disable: isEnabled = false
        case .addUser(let name):
            if name.isEmpty { return .userEmpty }
            if !users.insert(name).inserted { return .userExists }
        case .deleteUser(let name):
            if isEnabled, name == "root" { return .invalidAuthManagement }
            guard users.remove(name) != nil else { return .userNotFound }
            memberships = memberships.filter { $0[0] != name }
        case .changePassword(let name): if !users.contains(name) { return .userNotFound }
        case .grantRole(let role, let name):
            guard users.contains(name) else { return .userNotFound }
            guard role == "root" || roles.contains(role) else { return .roleNotFound }
            memberships.insert([name, role])
        case .revokeRole(let role, let name):
            if isEnabled, name == "root", role == "root" { return .invalidAuthManagement }
            guard users.contains(name) else { return .userNotFound }
            guard memberships.remove([name, role]) != nil else { return .roleNotGranted }
        case .addRole(let name):
            if name.isEmpty { return .roleEmpty }
            if !roles.insert(name).inserted { return .roleExists }
        case .deleteRole(let name):
            if isEnabled, name == "root" { return .invalidAuthManagement }
            guard roles.remove(name) != nil else { return .roleNotFound }
            memberships = memberships.filter { $0[1] != name }
            grants = grants.filter { $0.role != name }
        case .grant(let role, let kind, let range):
            guard roles.contains(role) else { return .roleNotFound }
            if range.keys.isEmpty { return .invalidAuthManagement }
            grants = grants.filter { $0.role != role || $0.range != range }
            grants.insert(Grant(role: role, kind: kind, range: range))
        case .revoke(let role, let range):
            guard roles.contains(role) else { return .roleNotFound }
            let left = grants.filter { $0.role != role || $0.range != range }
            if left.count == grants.count { return .permissionNotGranted }
            grants = left
        }
        return nil
    }

    /// Key by key, of the three that there are and of what lies beyond them.
    func may(_ user: Bytes, _ kind: Permission.Kind, _ range: Ranges) -> Bool {
        if memberships.contains([user, "root"]) { return true }
        if range.keys.isEmpty { return false }
        let granted = grants.filter {
            memberships.contains([user, $0.role]) && ($0.kind == kind || $0.kind == .readWrite)
        }
        // One key more for what is without end, and for what lies between two keys.
        func points(_ range: Ranges) -> Set<String> {
            var points = range.keys
            if range.end == "\0" { points.insert("end") }
            for (between, low, high) in [("a+", "a\0", "c"), ("c+", "c\0", "\0")] as [(String, Bytes, Bytes)] {
                let gap = KeyRange(key: low, end: high)
                if range.range.contains(gap.lowerBound) { points.insert(between) }
            }
            return points
        }
        return points(range).isSubset(of: granted.reduce(into: []) { $0.formUnion(points($1.range)) })
    }
}
