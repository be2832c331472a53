import Vigil
import WireMessages

// What requests of `etcdserverpb.Auth` need that are not root's alone.

extension Access where Request == EtcdAuthUserGetRequest {
    /// Users may look at themselves.
    static let own = Access.byRequest { if $1.name != Bytes($0.name) { try $1.requireRoot() } }
}

extension Access where Request == EtcdAuthRoleGetRequest {
    /// Users may look at the roles that they have.
    static func own(_ auth: Auth) -> Access {
        .byRequest { request, caller in
            let roles = auth.state.users[caller.name]?.roles ?? []
            if !roles.contains(Bytes(request.role)) { try caller.requireRoot() }
        }
    }
}
