import GRPCServer

/// `etcdserverpb.Watch`: any number of watches on one stream.
struct WatchService {
    let member: Member

    var methods: [Method] {
        [
            Method("/etcdserverpb.Watch/Watch", isLasting: true, runsOnEventLoop: true) { call in
                try await WatchStream(call, member).run()
            }
        ]
    }
}
