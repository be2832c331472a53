import SwiftProtobuf
import WireMessages

@testable import VigilServer

extension EtcdServerOptions {
    /// With passwords that cost nothing to check.
    static var cheap: EtcdServerOptions {
        var options = EtcdServerOptions()
        options.hashing = PasswordTests.cheap
        return options
    }
}

/// The calls of `etcdserverpb.Auth`.
extension EtcdClient {
    func addUser(_ name: String, _ password: String, roles: [String] = []) async throws {
        let _: EtcdAuthUserAddResponse = try await call(
            "Auth/UserAdd", EtcdAuthUserAddRequest.with { ($0.name, $0.password) = (name, password) })
        for role in roles { try await grant(role: role, to: name) }
    }

    func deleteUser(_ name: String) async throws {
        let _: EtcdAuthUserDeleteResponse = try await call(
            "Auth/UserDelete", EtcdAuthUserDeleteRequest.with { $0.name = name })
    }

    func changePassword(_ name: String, _ password: String) async throws {
        let _: EtcdAuthUserChangePasswordResponse = try await call(
            "Auth/UserChangePassword",
            EtcdAuthUserChangePasswordRequest.with { ($0.name, $0.password) = (name, password) })
    }

    func grant(role: String, to user: String) async throws {
        let _: EtcdAuthUserGrantRoleResponse = try await call(
            "Auth/UserGrantRole", EtcdAuthUserGrantRoleRequest.with { ($0.user, $0.role) = (user, role) })
    }

    func revoke(role: String, from user: String) async throws {
        let _: EtcdAuthUserRevokeRoleResponse = try await call(
            "Auth/UserRevokeRole", EtcdAuthUserRevokeRoleRequest.with { ($0.name, $0.role) = (user, role) })
    }

    func addRole(_ name: String, _ kind: EtcdPermission.TypeEnum, _ key: String, _ end: String = "") async throws {
        let _: EtcdAuthRoleAddResponse = try await call("Auth/RoleAdd", EtcdAuthRoleAddRequest.with { $0.name = name })
        let _: EtcdAuthRoleGrantPermissionResponse = try await call(
            "Auth/RoleGrantPermission",
            EtcdAuthRoleGrantPermissionRequest.with { request in
                request.name = name
                request.perm.permType = kind
                request.perm.key = .init(key.utf8)
                request.perm.rangeEnd = .init(end.utf8)
            })
    }

    func enable() async throws {
        let _: EtcdAuthEnableResponse = try await call("Auth/AuthEnable", EtcdAuthEnableRequest())
    }

    func disable() async throws {
        let _: EtcdAuthDisableResponse = try await call("Auth/AuthDisable", EtcdAuthDisableRequest())
    }

    func authStatus() async throws -> EtcdAuthStatusResponse {
        try await call("Auth/AuthStatus", EtcdAuthStatusRequest())
    }

    /// The same client, as that user.
    func logIn(_ name: String, _ password: String) async throws -> EtcdClient {
        let response: EtcdAuthenticateResponse = try await call(
            "Auth/Authenticate", EtcdAuthenticateRequest.with { ($0.name, $0.password) = (name, password) })
        var client = self
        client.token = response.token
        return client
    }

    /// Makes root and asks for users from now on. Returns root.
    func restrict() async throws -> EtcdClient {
        try await addUser("root", "rp", roles: ["root"])
        try await enable()
        return try await logIn("root", "rp")
    }
}
