import GRPCServer

/// `etcdserverpb.Lease`: not there yet. Says so.
struct LeaseService {
    var methods: [Method] {
        ["LeaseGrant", "LeaseRevoke", "LeaseKeepAlive", "LeaseTimeToLive", "LeaseLeases"].map {
            .unimplemented("/etcdserverpb.Lease/\($0)")
        }
    }
}
