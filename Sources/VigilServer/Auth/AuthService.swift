import GRPCServer
import NIOCore
import SwiftProtobuf
import Vigil
import WireMessages

/// `etcdserverpb.Auth`: users, roles and their permissions.
struct AuthService {
    let member: Member
    let auth: Auth

    var methods: [ServedMethod] {
        switchMethods + userMethods + roleMethods
    }

    private var switchMethods: [ServedMethod] {
        [
            .unary("/etcdserverpb.Auth/AuthEnable", .root) { (_: EtcdAuthEnableRequest) in
                try await auth.change { state throws(Status) in try state.enable() }
                return EtcdAuthEnableResponse.with { $0.header = member.header() }
            },
            .unary("/etcdserverpb.Auth/AuthDisable", .root) { (_: EtcdAuthDisableRequest) in
                try await auth.change { state throws(Status) in state.disable() }
                return EtcdAuthDisableResponse.with { $0.header = member.header() }
            },
            .unary("/etcdserverpb.Auth/AuthStatus", .root) { (_: EtcdAuthStatusRequest) in
                let state = auth.state
                return EtcdAuthStatusResponse.with { response in
                    response.header = member.header()
                    response.enabled = state.isEnabled
                    response.authRevision = state.revision
                }
            },
            .unaryCall("/etcdserverpb.Auth/Authenticate", .anyone) { (request: EtcdAuthenticateRequest, call) in
                let token = try await auth.logIn(
                    Bytes(request.name), password: request.password, from: call.peer.origin)
                return EtcdAuthenticateResponse.with { response in
                    response.header = member.header()
                    response.token = token
                }
            },
        ]
    }
}

extension Peer {
    /// The machine of a client, as far as is known.
    var origin: String { address?.ipAddress ?? "" }
}
