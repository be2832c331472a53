import ArgumentParser
import Vigil
import VigilServer

struct AuthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "auth", abstract: "Whether `vigil serve` asks who its clients are, and a way back in.",
        discussion: """
            Users and roles are made over the wire, as etcd's are: `etcdctl user add root`, `etcdctl auth enable`, and so \
            on. This is for who has lost the password of root.
            """,
        subcommands: [Status.self, Disable.self])

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "status", abstract: "Whether users are asked for, and how many there are.",
            discussion: "Works beside the server.")

        @OptionGroup var arguments: DirectoryArguments

        func run() async throws {
            let summary = try await arguments.withStore(.readOnly) { try EtcdServer.authSummary(of: $0) }
            if arguments.json {
                var json = JSONObject()
                json.add("enabled", summary.isEnabled)
                json.add("revision", Int64(clamping: summary.revision))
                json.add("users", summary.users)
                json.add("roles", summary.roles)
                Output.standard.line(json)
            } else {
                Output.standard.line(
                    "auth is \(summary.isEnabled ? "on" : "off"): \(summary.users) users, \(summary.roles) roles, "
                        + "revision \(summary.revision)")
            }
        }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "disable", abstract: "Let everybody in, to give root another password.",
            discussion: """
                While the server is stopped. Users and roles stay as they are: serve the store to nobody else, change the \
                password with `etcdctl user passwd root`, and turn it on again with `etcdctl auth enable`.
                """)

        @OptionGroup var arguments: DirectoryArguments

        func run() async throws {
            let wasOn = try await arguments.withStore(.readWrite, creates: false) {
                try await EtcdServer.disableAuth(in: $0)
            }
            if arguments.json {
                var json = JSONObject()
                json.add("enabled", false)
                json.add("changed", wasOn)
                Output.standard.line(json)
            } else {
                Output.standard.line(wasOn ? "auth is off; users and roles stay" : "auth was off already")
            }
        }
    }
}
