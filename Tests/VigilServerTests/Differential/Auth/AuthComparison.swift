import SwiftProtobuf
import WireMessages

/// Users, roles, and who may do what, on two servers.
struct AuthComparison: DifferentialScript {
    /// What the choice of sensible steps depends on.
    struct View {
        var isEnabled = false
        var head: Int64 = 1
        /// The users of logins, by their numbers. Not all of them are valid still.
        var logins: [String] = []
    }

    private let servers: ServerPair
    private var tokens: [(ours: String, theirs: String)] = []
    private var view = View()

    init(_ servers: ServerPair) async throws {
        self.servers = servers
    }

    func close() async throws {}

    func settle() async throws {}

    func step(_ number: Int, seed: UInt64) -> AuthStep { AuthStepGenerator.step(number, seed: seed, view) }

    mutating func run(_ step: AuthStep) async throws {
        switch step {
        case .ask(let asker, let question):
            let servers = servers(asker)
            if try await !isComparable(question.rule, servers) { return }
            try await question.compare(servers)
        case .logIn(let name, let password): try await logIn(name, password)
        case .enable(let asker):
            let answer = try await servers(asker).compare(
                "Auth/AuthEnable", EtcdAuthEnableRequest(), as: EtcdAuthEnableResponse.self)
            if case .response = answer { view.isEnabled = true }
        case .disable(let asker):
            let answer = try await servers(asker).compare(
                "Auth/AuthDisable", EtcdAuthDisableRequest(), as: EtcdAuthDisableResponse.self)
            if case .response = answer { view.isEnabled = false }
        case .makeRoot(let asker):
            for question in AuthStepGenerator.makeRoot { try await question.compare(servers(asker)) }
        }
    }

    private func servers(_ asker: AuthStep.Asker) -> ServerPair {
        var (ours, theirs) = (servers.ours, servers.theirs)
        switch asker {
        case .nobody: break
        case .stranger: (ours.token, theirs.token) = ("none.1", "none.1")
        case .login(let number): (ours.token, theirs.token) = tokens[number]
        }
        return ServerPair(ours: ours, theirs: theirs, isOld: servers.isOld)
    }

    /// Of who may ask where old etcds do not look: both are asked something that all of them look at.
    private func isComparable(_ rule: Question.Rule, _ servers: ServerPair) async throws -> Bool {
        switch rule {
        case .same: return true
        case .new: return !servers.isOld
        case _ where !view.isEnabled: return true
        case .anyUser:
            let own = EtcdRangeRequest.with { $0.key = .init("nobody's".utf8) }
            let answer = try await servers.compare("KV/Range", own, as: EtcdRangeResponse.self)
            // Anybody who is somebody may ask, though not be told.
            if case .refused(let refusal) = answer { return refusal.message == "etcdserver: permission denied" }
            return true
        case .root:
            let answer = try await servers.compare(
                "Auth/RoleList", EtcdAuthRoleListRequest(), as: EtcdAuthRoleListResponse.self)
            if case .response = answer { return true }
            return false
        }
    }

    private mutating func logIn(_ name: String, _ password: String) async throws {
        let request = EtcdAuthenticateRequest.with { ($0.name, $0.password) = (name, password) }
        let (answer, wanted) = try await servers.ask(
            "Auth/Authenticate", request, request, as: EtcdAuthenticateResponse.self)
        _ = try ServerPair.same("Auth/Authenticate", answer, wanted) {
            $0.token = $0.token.isEmpty ? "" : "some"
            $1.token = $1.token.isEmpty ? "" : "some"
        }
        guard case .response(let ours) = answer, case .response(let theirs) = wanted else { return }
        tokens.append((ours.token, theirs.token))
        view.logins.append(name)
    }
}
