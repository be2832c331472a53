import GRPCServer

/// `etcdserverpb.Watch`: any number of watches on one stream.
struct WatchService {
    let member: Member

    var methods: [ServedMethod] {
        [
            .streaming("/etcdserverpb.Watch/Watch", isLasting: true, runsOnEventLoop: true) { call, credentials in
                try await WatchStream(call, credentials, member).run()
            }
        ]
    }
}
