import GRPCServer
import Synchronization
import Threads
import Vigil

/// Who may do what on a server. Guards the ``AuthState``, keeps it stored, and knows who is logged in.
///
/// While users are not asked for, a request costs one look at ``isEnabled``. While they are it takes one lock for a
/// moment: the token is looked up, and what its user may do, which is worked out once for each user after each change.
final class Auth: Sendable {
    fileprivate struct Shared: Sendable {
        var state: AuthState
        var tokens: TokenTable
        /// What those users may do who have asked since the last change.
        var permissions: [Bytes: Permissions] = [:]
    }

    private let shared: Lock<Shared>
    private let enabled: Atomic<Bool>
    private let changed = Atomic<UInt64>(0)
    private let storage: any AuthStorage
    private let now: @Sendable () -> ContinuousClock.Instant
    private let hasher = PasswordHasher()
    /// Changes are made and stored one after the other.
    private let changes = Turnstile()
    private let hashing: PasswordHash.Parameters
    /// In place of the hash of a user that has none, so that nobody sees from the time it takes which users there are.
    private let nobody: PasswordHash

    init(
        _ storage: any AuthStorage, tokenLifetime: Duration, hashing: PasswordHash.Parameters = .current,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) throws {
        let state = try AuthState(records: storage.load())
        self.storage = storage
        self.hashing = hashing
        nobody = PasswordHash(
            parameters: hashing, salt: Array(repeating: 0, count: Limits.saltBytes), digest: [])
        self.now = now
        shared = Lock(Shared(state: state, tokens: TokenTable(lifetime: tokenLifetime)))
        enabled = Atomic(state.isEnabled)
    }

    /// Whether users are asked for.
    var isEnabled: Bool { enabled.load(ordering: .sequentiallyConsistent) }

    /// Goes up with each change of users, roles, or whether they are asked for.
    var changeCount: UInt64 { changed.load(ordering: .sequentiallyConsistent) }

    /// Users and roles as they are now.
    var state: AuthState { shared.withLock { $0.state } }

    // MARK: Who asks

    /// Who has sent these; nil if users are not asked for.
    ///
    /// A certificate may name a user that does not exist: it may do nothing, but is a caller.
    func caller(token: String?, commonName: String?) throws(Status) -> Caller? {
        let now = now()
        return try shared.withLock { shared throws(Status) -> Caller? in
            guard shared.state.isEnabled else { return nil }
            let login: TokenTable.Login
            if let token {
                guard let found = shared.tokens.use(token, now: now), shared.isCurrent(found) else {
                    throw .invalidToken
                }
                login = found
            } else if let commonName, !commonName.isEmpty {
                let name = Bytes(commonName)
                login = TokenTable.Login(user: name, since: shared.state.users[name]?.since ?? 0)
            } else {
                throw .userEmpty
            }
            return Caller(login: login, permissions: shared.permissions(of: login.user))
        }
    }

    /// The same caller after a while, with what it may do by then; nil if users are not asked for.
    ///
    /// - Throws: A ``Status`` if the user is gone, or has another password.
    func caller(again login: TokenTable.Login) throws(Status) -> Caller? {
        try shared.withLock { shared throws(Status) -> Caller? in
            guard shared.state.isEnabled else { return nil }
            guard shared.isCurrent(login) else { throw .permissionDenied }
            return Caller(login: login, permissions: shared.permissions(of: login.user))
        }
    }

    /// Checks a password, and makes a token.
    func logIn(_ name: Bytes, password: String, from origin: String) async throws -> String {
        while true {
            let user = try shared.withLock { shared throws(Status) in
                guard shared.state.isEnabled else { throw .authNotEnabled }
                return shared.state.users[name]
            }
            let hash = user?.password ?? nobody
            let matches = try await hasher.run(from: origin) { hash.matches(password) }
            guard matches, let user, user.password != nil else { throw Status.authFailed }
            let login = TokenTable.Login(user: name, since: user.since)
            let now = now()
            let token = shared.withLock { shared in
                shared.state.isEnabled && shared.isCurrent(login) ? shared.tokens.add(login, now: now) : nil
            }
            // Or else it has changed meanwhile, and is asked anew.
            if let token { return token }
        }
    }

    // MARK: Changes

    func addUser(_ name: Bytes, password: String?, from origin: String) async throws {
        // Before a hash is made for nothing.
        try state.checkNewUser(name)
        let hash = try await hash(password, from: origin)
        try await change { state throws(Status) in
            try state.addUser(name, password: hash, takesPassword: password != nil)
        }
    }

    /// Nil, so that nobody can log in with a password.
    func changePassword(of name: Bytes, to password: String?, from origin: String) async throws {
        _ = try state.user(name)
        let hash = try await hash(password, from: origin)
        try await change { state throws(Status) in try state.changePassword(of: name, to: hash) }
    }

    /// Makes a change, and stores it before anybody sees it. `body` returns what it has touched, nil if nothing.
    func change(_ body: (inout AuthState) throws(Status) -> AuthState.Touched?) async throws {
        try await changes.pass {
            var state = state
            guard let touched = try body(&state) else { return }
            try await storage.store(state.records(touched))
            shared.withLock { shared in
                shared.state = state
                shared.permissions = [:]
                if !state.isEnabled { shared.tokens.removeAll() }
                enabled.store(state.isEnabled, ordering: .sequentiallyConsistent)
                changed.add(1, ordering: .sequentiallyConsistent)
            }
        }
    }

    private func hash(_ password: String?, from origin: String) async throws -> PasswordHash? {
        guard let password else { return nil }
        return try await hasher.run(from: origin) { [hashing] in PasswordHash(of: password, parameters: hashing) }
    }
}

extension Auth.Shared {
    /// Whether the user is still the one that logged in.
    fileprivate func isCurrent(_ login: TokenTable.Login) -> Bool {
        state.users[login.user]?.since ?? 0 == login.since
    }

    fileprivate mutating func permissions(of name: Bytes) -> Permissions {
        if let known = permissions[name] { return known }
        let permissions = state.permissions(of: name)
        // Of others there may be any number, by certificates.
        if state.users[name] != nil { self.permissions[name] = permissions }
        return permissions
    }
}
