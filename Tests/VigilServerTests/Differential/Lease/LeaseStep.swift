import SwiftProtobuf
import WireMessages

/// One thing that both servers are asked of leases. Leases in requests are names: a lease that a server chose the id of is
/// named by its number, see ``LeaseNames``.
enum LeaseStep {
    case grant(name: Int64, seconds: Int64)
    /// One so short that it must not be there while other steps are compared: it is granted, looked at, and revoked.
    case grantShort(name: Int64, seconds: Int64)
    case revoke(Int64)
    case timeToLive(Int64, keys: Bool)
    case list
    case keepAlive(Int64)
    case put(EtcdPutRequest)
    case delete(EtcdDeleteRangeRequest)
    case transaction(EtcdTxnRequest)
    case range(EtcdRangeRequest)
    /// Short leases with so many keys, whose end is waited for.
    case expire(keys: [Int], keptAlive: Bool)
}

extension LeaseStep: CustomStringConvertible {
    var description: String {
        switch self {
        case .grant(let name, let seconds): "LeaseGrant \(name) for \(seconds) s"
        case .grantShort(let name, let seconds): "LeaseGrant and LeaseRevoke \(name) for \(seconds) s"
        case .revoke(let name): "LeaseRevoke \(name)"
        case .timeToLive(let name, let keys): "LeaseTimeToLive \(name)\(keys ? " with keys" : "")"
        case .list: "LeaseLeases"
        case .keepAlive(let name): "LeaseKeepAlive \(name)"
        case .put(let request): "Put \(request.shortText)"
        case .delete(let request): "DeleteRange \(request.shortText)"
        case .transaction(let request): "Txn \(request.shortText)"
        case .range(let request): "Range \(request.shortText)"
        case .expire(let keys, let keptAlive):
            "the end of leases with \(keys) keys\(keptAlive ? ", kept alive once" : "")"
        }
    }
}
