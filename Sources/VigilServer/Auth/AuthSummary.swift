public import Vigil

/// What a store has of users, looked at without serving it.
public struct AuthSummary: Sendable, Hashable {
    /// Whether a server of the store asks who its clients are.
    public var isEnabled: Bool
    /// How many users there are.
    public var users: Int
    /// How many roles there are.
    public var roles: Int
    /// Counts the changes of users and roles.
    public var revision: UInt64
}

extension EtcdServer {
    /// What a store has of users. Works on one that is only read, too, beside the process that serves it.
    ///
    /// - Throws: `.damaged` if what is stored cannot be believed.
    public static func authSummary(of store: WatchStore) throws -> AuthSummary {
        let state = try AuthState(records: store.load())
        return AuthSummary(
            isEnabled: state.isEnabled, users: state.users.count, roles: state.roles.count, revision: state.revision)
    }

    /// Lets everybody in: the way back for who has lost the password of root. Users and roles stay as they are. The store
    /// must not be served meanwhile, which would not see it.
    ///
    /// - Returns: Whether it was on.
    /// - Throws: As ``WatchStore/put(_:_:)``.
    @discardableResult
    public static func disableAuth(in store: WatchStore) async throws -> Bool {
        // Also if it cannot be read: there may be no other way.
        var state = (try? AuthState(records: store.load())) ?? AuthState(isEnabled: true)
        guard let touched = state.disable() else { return false }
        try await store.store(state.records(touched))
        return true
    }
}
