import GRPCServer
import Vigil

/// Who may call a method while users are asked for. There is no default: a method names its rule when it is made, and
/// only a ``ServedMethod``, which has one, can be served.
enum Access<Request>: Sendable {
    /// Also those who do not say who they are.
    case anyone
    /// Any user.
    case user
    /// Users with the role root.
    case root
    /// Users who may do what the request asks for; `check` throws if the caller may not.
    case byRequest(_ check: @Sendable (Request, Caller) async throws -> Void)
}

/// Who asks, and what they may do. There is none while users are not asked for.
struct Caller: Sendable {
    let login: TokenTable.Login
    let permissions: Permissions

    var name: Bytes { login.user }

    var isRoot: Bool { permissions.isRoot }

    func requireRoot() throws(Status) {
        guard isRoot else { throw .permissionDenied }
    }

    func requireRead(_ keys: KeyRange) throws(Status) {
        guard permissions.mayRead(keys) else { throw .permissionDenied }
    }

    func requireWrite(_ keys: KeyRange) throws(Status) {
        guard permissions.mayWrite(keys) else { throw .permissionDenied }
    }
}
