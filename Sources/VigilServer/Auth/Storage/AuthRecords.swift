import Crypto
import SwiftProtobuf
import Vigil
import WireMessages

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

// Users and roles as records, messages of `vigil.users` (users.proto):
//
//     auth/settings       whether users are asked for, and the revision; is there as soon as anything was changed
//     auth/user/HASH      a user
//     auth/role/HASH      a role
//
// HASH is the SHA-256 of the name in hexadecimal digits, since names can be longer than those of records, and their bytes
// others. So a change of one user of many writes little. A record that cannot be read, or makes no sense, is damage: the
// server does not begin, rather than let in whom it has misread.
enum AuthRecords {
    /// All names begin so.
    static let prefix = "auth/"
    static let settings = "auth/settings"
    static let user = "auth/user/"
    static let role = "auth/role/"

    static func user(_ name: Bytes) -> String { user + hash(name) }

    static func role(_ name: Bytes) -> String { role + hash(name) }

    private static func hash(_ name: Bytes) -> String {
        SHA256.hash(data: Data(name)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

extension AuthState {
    /// Of records that were stored; none is a store whose users were never asked for.
    init(records: [(name: String, value: [UInt8])]) throws {
        var settings: StoredSettings?
        var users: [Bytes: User] = [:]
        var roles: [Bytes: Role] = [:]
        for (record, value) in records {
            if record == AuthRecords.settings {
                settings = try StoredSettings(record, value)
            } else if record.hasPrefix(AuthRecords.user) {
                let stored = try StoredUser(record, value)
                users[try Self.name(stored.name, of: record, AuthRecords.user)] = try User(stored, record)
            } else if record.hasPrefix(AuthRecords.role) {
                let stored = try StoredRole(record, value)
                roles[try Self.name(stored.name, of: record, AuthRecords.role)] = try Role(stored, record)
            } else {
                throw StoreError.damaged(record, "nothing of that name is known")
            }
        }
        guard records.isEmpty || settings != nil else {
            throw StoreError.damaged(AuthRecords.settings, "it is missing, though there are users or roles")
        }
        // Settings that were lost and made anew know of no revision that a user has.
        let revision = users.values.reduce(settings?.revision ?? 1) { max($0, $1.since) }
        self.init(isEnabled: settings?.isEnabled ?? false, revision: revision, users: users, roles: roles)
    }

    /// What to store after a change; nil for what is to be removed.
    func records(_ touched: Touched) throws -> [String: [UInt8]?] {
        let settings = StoredSettings.with { settings in
            settings.isEnabled = isEnabled
            settings.revision = revision
        }
        var records: [String: [UInt8]?] = [AuthRecords.settings: try settings.serializedBytes()]
        for name in touched.users {
            records.updateValue(try users[name]?.stored(name).serializedBytes(), forKey: AuthRecords.user(name))
        }
        for name in touched.roles {
            records.updateValue(try roles[name]?.stored(name).serializedBytes(), forKey: AuthRecords.role(name))
        }
        return records
    }

    private static func name(_ stored: Data, of record: String, _ name: (Bytes) -> String) throws -> Bytes {
        guard name(Bytes(stored)) == record else { throw StoreError.damaged(record, "it has the name of another") }
        return Bytes(stored)
    }
}

extension AuthState.User {
    fileprivate init(_ stored: StoredUser, _ record: String) throws {
        password = stored.hasPassword ? try PasswordHash(stored.password, record) : nil
        takesPassword = !stored.takesNoPassword
        roles = stored.roles.map { Bytes($0) }
        since = stored.since
        guard roles == Set(roles).sorted() else { throw StoreError.damaged(record, "its roles are not in order") }
    }

    fileprivate func stored(_ name: Bytes) -> StoredUser {
        .with { stored in
            stored.name = Data(name)
            if let password { stored.password = password.stored }
            stored.takesNoPassword = !takesPassword
            stored.roles = roles.map { Data($0) }
            stored.since = since
        }
    }
}

extension PasswordHash {
    fileprivate init(_ stored: StoredUser.Password, _ record: String) throws {
        let parameters = Parameters(
            rounds: Int(clamping: stored.rounds), blockSize: Int(clamping: stored.blockSize),
            parallelism: Int(clamping: stored.parallelism))
        guard parameters.isSane, stored.digest.count == Limits.digestBytes else {
            throw StoreError.damaged(record, "its password was hashed as no server does: \(parameters)")
        }
        self.init(parameters: parameters, salt: [UInt8](stored.salt), digest: [UInt8](stored.digest))
    }

    fileprivate var stored: StoredUser.Password {
        .with { stored in
            stored.rounds = UInt64(parameters.rounds)
            stored.blockSize = UInt64(parameters.blockSize)
            stored.parallelism = UInt64(parameters.parallelism)
            stored.salt = Data(salt)
            stored.digest = Data(digest)
        }
    }
}

extension AuthState.Role {
    fileprivate init(_ stored: StoredRole, _ record: String) throws {
        permissions = try stored.permissions.map { stored in
            let kind: Permission.Kind
            switch stored.kind {
            case .read: kind = .read
            case .write: kind = .write
            case .readWrite: kind = .readWrite
            case .none, .UNRECOGNIZED: throw StoreError.damaged(record, "a permission is of an unknown kind")
            }
            return Permission(kind: kind, key: Bytes(stored.key), end: Bytes(stored.end))
        }
    }

    fileprivate func stored(_ name: Bytes) -> StoredRole {
        .with { stored in
            stored.name = Data(name)
            stored.permissions = permissions.map { permission in
                .with { stored in
                    stored.kind =
                        switch permission.kind {
                        case .read: .read
                        case .write: .write
                        case .readWrite: .readWrite
                        }
                    stored.key = Data(permission.key)
                    stored.end = Data(permission.end)
                }
            }
        }
    }
}

extension Message {
    fileprivate init(_ record: String, _ value: [UInt8]) throws {
        do {
            try self.init(serializedBytes: value)
        } catch {
            throw StoreError.damaged(record, "\(error)")
        }
    }
}

extension StoreError {
    fileprivate static func damaged(_ record: String, _ reason: String) -> StoreError {
        StoreError(
            .damaged,
            "what is stored of the server's users cannot be believed: \(record): \(reason); restore a backup, or make a "
                + "store of what is intact with `vigil recover`, and begin anew with `vigil auth disable`")
    }
}
