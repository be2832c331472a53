import GRPCServer
import Vigil
import WireMessages

// What requests of `etcdserverpb.Lease` need: a lease is as good as the keys that it holds. So who ends one, or keeps it
// alive, must be allowed to write all of them, and who is shown them to read them.

extension Access where Request == EtcdLeaseRevokeRequest {
    static func keys(_ store: WatchStore) -> Access {
        .byRequest { try await $1.requireWrite(keysOf: $0.id, in: store) }
    }
}

extension Access where Request == EtcdLeaseKeepAliveRequest {
    static func keys(_ store: WatchStore) -> Access {
        .byRequest { try await $1.requireWrite(keysOf: $0.id, in: store) }
    }
}

extension Access where Request == EtcdLeaseTimeToLiveRequest {
    static func keys(_ store: WatchStore) -> Access {
        .byRequest { if $0.keys { try await $1.requireRead(keysOf: [$0.id], in: store) } }
    }
}

extension Access where Request == EtcdLeaseLeasesRequest {
    static func keys(_ store: WatchStore) -> Access {
        .byRequest { _, caller in
            if !caller.isRoot { try await caller.requireRead(keysOf: store.leases().map(\.id), in: store) }
        }
    }
}

extension Caller {
    func requireWrite(keysOf lease: Int64, in store: WatchStore) async throws {
        try await forEachKey(of: [lease], in: store) { key throws(Status) in try requireWrite(key) }
    }

    func requireRead(keysOf leases: [Int64], in store: WatchStore) async throws {
        try await forEachKey(of: leases, in: store) { key throws(Status) in try requireRead(key) }
    }

    /// Not for root, who may everything; and not on an event loop, since they may be many.
    private func forEachKey(
        of leases: [Int64], in store: WatchStore, _ body: @Sendable (KeyRange) throws(Status) -> Void
    ) async throws {
        guard !isRoot else { return }
        try await withTaskExecutorPreference(globalConcurrentExecutor) {
            for lease in leases {
                for key in try store.keys(ofLease: lease) { try body(.key(key)) }
            }
        }
    }
}
