import GRPCServer
import Vigil
import WireMessages

// What requests of `vigil.v1.Store` need. What shows or changes the store as a whole, and cursors, of which anybody's
// could be meant, are for root.

extension Access where Request == WireRangeRequest {
    static let keys = Access.byRequest { try $1.requireRead(try KeyRange($0.keys)) }
}

extension Access where Request == WireLogRequest {
    static let keys = Access.byRequest { try $1.requireRead(try KeyRange($0.keys)) }
}

extension Access where Request == WireHistoryRequest {
    static let keys = Access.byRequest { try $1.requireRead(.key(Bytes($0.key))) }
}

extension Access where Request == WireWatchRequest.Create {
    static let keys = Access.byRequest { request, caller in
        if case .cursor? = request.start.start { try caller.requireRoot() }
        try caller.requireRead(try KeyRange(request.keys))
    }
}

extension Access where Request == WireCommitRequest {
    static func keys(_ store: WatchStore) -> Access {
        .byRequest { request, caller in
            for operation in request.transactions.flatMap(\.operations) {
                switch operation.operation {
                case .put(let put): try caller.requireWrite(.key(Bytes(put.key)))
                case .leasedPut(let put):
                    try caller.requireWrite(.key(Bytes(put.key)))
                    try await caller.requireWrite(keysOf: put.lease, in: store)
                case .delete(let key): try caller.requireWrite(.key(Bytes(key)))
                case .deleteRange(let keys): try caller.requireWrite(try KeyRange(keys))
                case nil: break
                }
            }
        }
    }
}

// Leases, as those of etcd.

extension Access where Request == WireLeasesRequest {
    static func keys(_ store: WatchStore) -> Access {
        .byRequest { request, caller in
            if !request.hasID, !caller.isRoot {
                try await caller.requireRead(keysOf: store.leases().map(\.id), in: store)
            }
        }
    }
}

extension Access where Request == WireLeaseKeysRequest {
    static func keys(_ store: WatchStore) -> Access {
        .byRequest { try await $1.requireRead(keysOf: [$0.id], in: store) }
    }
}

extension Access where Request == WireRevokeLeaseRequest {
    static func keys(_ store: WatchStore) -> Access {
        .byRequest { try await $1.requireWrite(keysOf: $0.id, in: store) }
    }
}

extension Access where Request == WireKeepLeaseAliveRequest {
    static func keys(_ store: WatchStore) -> Access {
        .byRequest { try await $1.requireWrite(keysOf: $0.id, in: store) }
    }
}
