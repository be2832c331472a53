import GRPCServer
import SwiftProtobuf
import Vigil
import WireMessages

extension AuthService {
    var userMethods: [ServedMethod] {
        [
            .unaryCall("/etcdserverpb.Auth/UserAdd", .root) { try await addUser($0, $1) },
            .unary("/etcdserverpb.Auth/UserGet", .own) { (request: EtcdAuthUserGetRequest) in
                let user = try auth.state.user(Bytes(request.name))
                return EtcdAuthUserGetResponse.with { response in
                    response.header = member.header()
                    response.roles = user.roles.map(\.text)
                }
            },
            .unary("/etcdserverpb.Auth/UserList", .root) { (_: EtcdAuthUserListRequest) in
                EtcdAuthUserListResponse.with { response in
                    response.header = member.header()
                    response.users = auth.state.users.keys.sorted().map(\.text)
                }
            },
            .unary("/etcdserverpb.Auth/UserDelete", .root) { (request: EtcdAuthUserDeleteRequest) in
                try await auth.change { state throws(Status) in try state.deleteUser(Bytes(request.name)) }
                return EtcdAuthUserDeleteResponse.with { $0.header = member.header() }
            },
            .unaryCall("/etcdserverpb.Auth/UserChangePassword", .root) { try await changePassword($0, $1) },
            .unary("/etcdserverpb.Auth/UserGrantRole", .root) { (request: EtcdAuthUserGrantRoleRequest) in
                try await auth.change { state throws(Status) in
                    try state.grant(role: Bytes(request.role), to: Bytes(request.user))
                }
                return EtcdAuthUserGrantRoleResponse.with { $0.header = member.header() }
            },
            .unary("/etcdserverpb.Auth/UserRevokeRole", .root) { (request: EtcdAuthUserRevokeRoleRequest) in
                try await auth.change { state throws(Status) in
                    try state.revoke(role: Bytes(request.role), from: Bytes(request.name))
                }
                return EtcdAuthUserRevokeRoleResponse.with { $0.header = member.header() }
            },
        ]
    }

    private func addUser(_ request: EtcdAuthUserAddRequest, _ call: Call) async throws -> EtcdAuthUserAddResponse {
        let takesPassword = !request.options.noPassword
        if takesPassword, request.password.isEmpty, !request.hashedPassword.isEmpty { throw Status.hashGiven }
        try await auth.addUser(
            Bytes(request.name), password: takesPassword ? request.password : nil, from: call.peer.origin)
        return .with { $0.header = member.header() }
    }

    /// An empty password here is none, as etcd has it: nobody can log in with it.
    private func changePassword(
        _ request: EtcdAuthUserChangePasswordRequest, _ call: Call
    ) async throws -> EtcdAuthUserChangePasswordResponse {
        if request.password.isEmpty, !request.hashedPassword.isEmpty { throw Status.hashGiven }
        try await auth.changePassword(
            of: Bytes(request.name), to: request.password.isEmpty ? nil : request.password, from: call.peer.origin)
        return .with { $0.header = member.header() }
    }
}

extension Status {
    /// The field is there for etcd's own members, between which passwords do not travel.
    fileprivate static let hashGiven = Status(
        .invalidArgument, "etcdserver: passwords are hashed here: give the password, and no hashedPassword")
}

extension Bytes {
    /// The name of a user or a role, which came as a text.
    var text: String { withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }
}
