import GRPCServer
import SwiftProtobuf
import Vigil
import WireMessages

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension AuthService {
    var roleMethods: [ServedMethod] {
        [
            .unary("/etcdserverpb.Auth/RoleAdd", .root) { (request: EtcdAuthRoleAddRequest) in
                try await auth.change { state throws(Status) in try state.addRole(Bytes(request.name)) }
                return EtcdAuthRoleAddResponse.with { $0.header = member.header() }
            },
            .unary("/etcdserverpb.Auth/RoleGet", .own(auth)) { (request: EtcdAuthRoleGetRequest) in
                let role = try auth.state.role(Bytes(request.role))
                return EtcdAuthRoleGetResponse.with { response in
                    response.header = member.header()
                    response.perm = role.permissions.map { EtcdPermission($0) }
                }
            },
            .unary("/etcdserverpb.Auth/RoleList", .root) { (_: EtcdAuthRoleListRequest) in
                EtcdAuthRoleListResponse.with { response in
                    response.header = member.header()
                    response.roles = auth.state.roles.keys.sorted().map(\.text)
                }
            },
            .unary("/etcdserverpb.Auth/RoleDelete", .root) { (request: EtcdAuthRoleDeleteRequest) in
                try await auth.change { state throws(Status) in try state.deleteRole(Bytes(request.role)) }
                return EtcdAuthRoleDeleteResponse.with { $0.header = member.header() }
            },
            .unary("/etcdserverpb.Auth/RoleGrantPermission", .root) { try await grant($0) },
            .unary("/etcdserverpb.Auth/RoleRevokePermission", .root) {
                (request: EtcdAuthRoleRevokePermissionRequest) in
                try await auth.change { state throws(Status) in
                    try state.revoke(
                        key: Bytes(request.key), end: Bytes(request.rangeEnd), from: Bytes(request.role))
                }
                return EtcdAuthRoleRevokePermissionResponse.with { $0.header = member.header() }
            },
        ]
    }

    private func grant(_ request: EtcdAuthRoleGrantPermissionRequest) async throws
        -> EtcdAuthRoleGrantPermissionResponse
    {
        guard request.hasPerm else { throw Status.permissionNotGiven }
        try await auth.change { state throws(Status) in
            // Of a kind that nobody knows nothing is granted.
            guard let permission = Permission(request.perm) else {
                _ = try state.role(Bytes(request.name))
                throw .invalidAuthManagement
            }
            return try state.grant(permission, to: Bytes(request.name))
        }
        return .with { $0.header = member.header() }
    }
}

extension Permission {
    /// Nil for a kind that is unknown.
    init?(_ wire: EtcdPermission) {
        switch wire.permType {
        case .read: kind = .read
        case .write: kind = .write
        case .readwrite: kind = .readWrite
        case .UNRECOGNIZED: return nil
        }
        key = Bytes(wire.key)
        end = Bytes(wire.rangeEnd)
    }
}

extension EtcdPermission {
    init(_ permission: Permission) {
        self.init()
        permType =
            switch permission.kind {
            case .read: .read
            case .write: .write
            case .readWrite: .readwrite
            }
        key = Data(permission.key)
        rangeEnd = Data(permission.end)
    }
}
