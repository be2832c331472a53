import GRPCServer
import NIOHPACK

/// What a call brings to say who asks: a token, or else the name in the client's certificate, which was verified.
struct Credentials: Sendable {
    private let call: Call
    let auth: Auth

    init(_ call: Call, _ auth: Auth) {
        self.call = call
        self.auth = auth
    }

    /// Who asks, at this moment; nil while users are not asked for.
    ///
    /// - Throws: A ``Status`` for a token that is not valid, and if nothing says who it is.
    func caller() throws(Status) -> Caller? {
        guard auth.isEnabled else { return nil }
        // etcd's clients send it as `token`, and what comes by its gateway as `authorization`.
        let metadata = call.head.metadata
        let token = metadata.first(name: "token") ?? metadata.first(name: "authorization")
        return try auth.caller(token: token, commonName: call.peer.commonName)
    }

    /// Lets the request pass if the rule does.
    func check<Request>(_ request: Request, _ access: Access<Request>) async throws {
        guard auth.isEnabled else { return }
        if case .anyone = access { return }
        guard let caller = try caller() else { return }
        switch access {
        case .anyone, .user: break
        case .root: try caller.requireRoot()
        case .byRequest(let check): try await check(request, caller)
        }
    }
}
