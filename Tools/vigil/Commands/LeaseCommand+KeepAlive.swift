import ArgumentParser
import Vigil

extension LeaseCommand {
    struct KeepAlive: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "keep-alive", abstract: "Give a lease its whole time again, and again until Ctrl-C.",
            discussion: """
                On a server it goes on, three times in what the lease was granted for, and prints a line each time. Exits with 1 \
                when the lease is gone, and with 4 when the server is not reached for --timeout.

                In a directory it is as with --once: time passes for the lease only while a process has the store open \
                for writing, and this one ends. There is nothing to keep it alive against.
                """)

        @OptionGroup var arguments: StoreArguments
        @Argument(help: ArgumentHelp(LeaseID.help)) var id: LeaseID
        @Flag(help: "Only once.") var once = false

        func run() async throws {
            try await arguments.withStore(.readWrite, creates: false) { store in
                let renewal = Renewal(store: store, id: id.number, json: arguments.json)
                let lease = try await renewal.renew()
                if !once, store.isServed { try await renewal.goOn(every: .seconds(lease.seconds) / 3) }
            }
        }
    }

    /// Keeps one lease alive, and says so.
    private struct Renewal {
        let store: any CommandStore
        let id: Int64
        let json: Bool

        func renew() async throws -> Lease {
            guard let lease = try await store.keepLeaseAlive(id) else { throw NotThere() }
            if json {
                Output.standard.line(JSONObject(lease))
            } else {
                Output.standard.line(Text.lease(lease))
            }
            Output.standard.flush()
            return lease
        }

        /// Until Ctrl-C.
        func goOn(every interval: Duration) async throws {
            let renewing = Task {
                while true {
                    try await Task.sleep(for: interval)
                    _ = try await renew()
                }
            }
            let interruption = Interruption { renewing.cancel() }
            defer { interruption.end() }
            do {
                try await renewing.value
            } catch  where renewing.isCancelled {
                // As it was asked to end.
            }
        }
    }
}
