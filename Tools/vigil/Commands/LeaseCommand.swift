import ArgumentParser
import Vigil

struct LeaseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lease", abstract: "Leases: the keys that are attached to one are deleted when it ends.",
        discussion: """
            `vigil put --lease ID` attaches a key. A lease ends when it is revoked, or when nobody has kept it alive for as long \
            as it was granted for.

            Time passes for leases only while a process has the store open for writing, as `vigil serve` has, and each has its \
            whole time again when the store is opened for writing. So in a directory that only commands like this one \
            use, a lease stays until it is revoked.

            Exits with 1 if there is no such lease.
            """,
        subcommands: [Grant.self, Revoke.self, List.self, Show.self, KeepAlive.self])

    struct Grant: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "grant", abstract: "Make a lease, and print its id.",
            discussion: "Exits with 3 if there is a lease with the id of --id.")

        @OptionGroup var arguments: StoreArguments
        @Argument(help: "For how long, if nobody keeps it alive: 1 to 9000000000.") var seconds: Int64
        @Option(help: ArgumentHelp("Its id, if it is not to be any that is free.", valueName: "id")) var id: LeaseID?

        func run() async throws {
            let lease = try await arguments.withStore(.readWrite) {
                try await $0.grantLease(seconds: seconds, id: id?.number ?? 0)
            }
            if arguments.json {
                Output.standard.line(JSONObject(lease))
            } else {
                Output.standard.line(Text.lease(lease))
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "revoke", abstract: "End a lease: delete its keys and forget it.",
            discussion: "Prints the revision that deleted the keys, or the newest if there were none.")

        @OptionGroup var arguments: StoreArguments
        @Argument(help: ArgumentHelp(LeaseID.help)) var id: LeaseID

        func run() async throws {
            let revision = try await arguments.withStore(.readWrite, creates: false) {
                try await $0.revokeLease(id.number)
            }
            if arguments.json {
                var json = JSONObject()
                json.add("revoked", id.number)
                json.add("revision", revision)
                Output.standard.line(json)
            } else {
                Output.standard.line("revision \(revision), revoked lease \(id.number)")
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "ls", abstract: "All leases: what each was granted for, and how long it has left.",
            discussion: "How long is known to the process that writes the store; ask that, with --endpoint.")

        @OptionGroup var arguments: StoreArguments

        func run() async throws {
            for lease in try await arguments.withStore(.readOnly, { try await $0.leases() }) {
                if arguments.json {
                    Output.standard.line(JSONObject(lease))
                } else {
                    Output.standard.line(Text.lease(lease))
                }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "One lease, and the keys that are attached to it.")

        @OptionGroup var arguments: StoreArguments
        @Argument(help: ArgumentHelp(LeaseID.help)) var id: LeaseID

        func run() async throws {
            let found = try await arguments.withStore(.readOnly) { store -> (Lease, [Bytes])? in
                guard let lease = try await store.lease(id.number) else { return nil }
                return (lease, try await store.keys(ofLease: id.number))
            }
            guard let (lease, keys) = found else { throw NotThere() }
            if arguments.json {
                var json = JSONObject(lease)
                json.add(
                    "keys",
                    keys.map { key in
                        var json = JSONObject()
                        json.add("key", key)
                        return json
                    })
                Output.standard.line(json)
            } else {
                Output.standard.line(Text.table(Text.rows(lease, keys)))
            }
        }
    }
}
