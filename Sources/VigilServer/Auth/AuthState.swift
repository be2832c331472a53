import GRPCServer
import Vigil

/// Users, roles, and whether they are asked for. Pure: a change says which records it has touched, to be stored.
///
/// Names are bytes, since two spellings of a text that Swift takes for the same are two names to etcd's clients.
struct AuthState: Sendable, Equatable {
    struct User: Sendable, Equatable {
        /// Nil: nobody can log in with a password, though a certificate may name the user.
        var password: PasswordHash?
        /// False for one that was made to have no password, ever.
        var takesPassword = true
        /// In order.
        var roles: [Bytes] = []
        /// The revision of the last change after which who was logged in is so no more: of its making or its password.
        var since: UInt64
    }

    struct Role: Sendable, Equatable {
        /// In order of their ranges, each of which is there once.
        var permissions: [Permission] = []
    }

    /// The records that a change has touched; a record that is no longer there has been removed. The settings always are,
    /// by the revision.
    struct Touched: Equatable {
        var users: [Bytes] = []
        var roles: [Bytes] = []
    }

    static let root: Bytes = "root"

    private(set) var isEnabled: Bool
    /// Counts changes.
    private(set) var revision: UInt64
    private(set) var users: [Bytes: User]
    private(set) var roles: [Bytes: Role]

    init(isEnabled: Bool = false, revision: UInt64 = 1, users: [Bytes: User] = [:], roles: [Bytes: Role] = [:]) {
        self.isEnabled = isEnabled
        self.revision = revision
        self.users = users
        self.roles = roles
    }

    /// What a user may do; nothing if there is none of the name.
    func permissions(of name: Bytes) -> Permissions {
        guard let user = users[name] else { return Permissions() }
        return Permissions(
            isRoot: user.roles.contains(Self.root), user.roles.flatMap { roles[$0]?.permissions ?? [] })
    }

    // MARK: On and off

    /// Nil if it is on already.
    mutating func enable() throws(Status) -> Touched? {
        guard !isEnabled else { return nil }
        guard let root = users[Self.root] else { throw .rootUserMissing }
        guard root.roles.contains(Self.root) else { throw .rootRoleMissing }
        isEnabled = true
        return Touched()
    }

    /// Nil if it is off already.
    mutating func disable() -> Touched? {
        guard isEnabled else { return nil }
        isEnabled = false
        return changed()
    }

    // MARK: Users

    mutating func addUser(_ name: Bytes, password: PasswordHash?, takesPassword: Bool) throws(Status) -> Touched {
        try checkNewUser(name)
        users[name] = User(password: password, takesPassword: takesPassword, since: revision + 1)
        return changed(user: name)
    }

    /// Whether a user of that name could be added.
    func checkNewUser(_ name: Bytes) throws(Status) {
        guard !name.isEmpty else { throw .userEmpty }
        try check(name)
        guard users[name] == nil else { throw .userExists }
        guard users.count < Limits.users else { throw .tooMany("users", Limits.users) }
    }

    mutating func deleteUser(_ name: Bytes) throws(Status) -> Touched {
        if isEnabled, name == Self.root { throw .invalidAuthManagement }
        _ = try user(name)
        users[name] = nil
        return changed(user: name)
    }

    mutating func changePassword(of name: Bytes, to password: PasswordHash?) throws(Status) -> Touched {
        var user = try user(name)
        if user.takesPassword { user.password = password }
        user.since = revision + 1
        users[name] = user
        return changed(user: name)
    }

    /// Nil if the user has it already. The role root needs not exist to be granted.
    mutating func grant(role: Bytes, to name: Bytes) throws(Status) -> Touched? {
        var user = try user(name)
        if role != Self.root { _ = try self.role(role) }
        guard !user.roles.contains(role) else { return nil }
        guard user.roles.count < Limits.rolesOfUser else { throw .tooMany("roles of a user", Limits.rolesOfUser) }
        user.roles.append(role)
        user.roles.sort()
        users[name] = user
        return changed(user: name)
    }

    mutating func revoke(role: Bytes, from name: Bytes) throws(Status) -> Touched {
        if isEnabled, name == Self.root, role == Self.root { throw .invalidAuthManagement }
        var user = try user(name)
        guard user.roles.contains(role) else { throw .roleNotGranted }
        user.roles.removeAll { $0 == role }
        users[name] = user
        return changed(user: name)
    }

    func user(_ name: Bytes) throws(Status) -> User {
        guard let user = users[name] else { throw .userNotFound }
        return user
    }

    // MARK: Roles

    mutating func addRole(_ name: Bytes) throws(Status) -> Touched {
        guard !name.isEmpty else { throw .roleEmpty }
        try check(name)
        guard roles[name] == nil else { throw .roleExists }
        guard roles.count < Limits.roles else { throw .tooMany("roles", Limits.roles) }
        roles[name] = Role()
        return changed(role: name)
    }

    /// Takes it from its users too.
    mutating func deleteRole(_ name: Bytes) throws(Status) -> Touched {
        if isEnabled, name == Self.root { throw .invalidAuthManagement }
        _ = try role(name)
        roles[name] = nil
        var touched = changed(role: name)
        for (user, record) in users where record.roles.contains(name) {
            users[user]!.roles.removeAll { $0 == name }
            touched.users.append(user)
        }
        touched.users.sort()
        return touched
    }

    /// One of the same range is replaced.
    mutating func grant(_ permission: Permission, to name: Bytes) throws(Status) -> Touched {
        var role = try role(name)
        guard !permission.isEmpty else { throw .invalidAuthManagement }
        role.permissions.removeAll { $0.key == permission.key && $0.end == permission.end }
        guard role.permissions.count < Limits.permissionsOfRole else {
            throw .tooMany("permissions of a role", Limits.permissionsOfRole)
        }
        for bound in [permission.key, permission.end] where bound.count > Limits.permissionKeyBytes {
            throw .tooLong("a key of a permission", bound.count, Limits.permissionKeyBytes)
        }
        role.permissions.append(permission)
        role.permissions.sort { ($0.key, $0.end) < ($1.key, $1.end) }
        roles[name] = role
        return changed(role: name)
    }

    mutating func revoke(key: Bytes, end: Bytes, from name: Bytes) throws(Status) -> Touched {
        var role = try role(name)
        let count = role.permissions.count
        role.permissions.removeAll { $0.key == key && $0.end == end }
        guard role.permissions.count < count else { throw .permissionNotGranted }
        roles[name] = role
        return changed(role: name)
    }

    func role(_ name: Bytes) throws(Status) -> Role {
        guard let role = roles[name] else { throw .roleNotFound }
        return role
    }

    // MARK: Common

    private func check(_ name: Bytes) throws(Status) {
        guard name.count <= Limits.nameBytes else { throw .tooLong("a name", name.count, Limits.nameBytes) }
    }

    private mutating func changed(user: Bytes? = nil, role: Bytes? = nil) -> Touched {
        revision += 1
        return Touched(users: user.map { [$0] } ?? [], roles: role.map { [$0] } ?? [])
    }
}

extension Status {
    fileprivate static func tooMany(_ what: String, _ limit: Int) -> Status {
        Status(.resourceExhausted, "etcdserver: there are \(limit) \(what), the limit; remove some first")
    }

    fileprivate static func tooLong(_ what: String, _ bytes: Int, _ limit: Int) -> Status {
        Status(.invalidArgument, "etcdserver: \(what) has \(bytes) bytes; the limit is \(limit)")
    }
}
