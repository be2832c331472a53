import ChildProcess
import Foundation
import Testing

@testable import VigilServer

/// etcd's own command line for users and roles: the same script against this server and against etcd 3.5, with the same
/// output. Skipped where that is not: see ``PeerEtcd``.
@Suite(.enabled(if: !PeerEtcd.withCommandLine.isEmpty, "no etcd 3.5 to compare with"), .timeLimit(.minutes(5)))
struct AuthEtcdctlTests {
    /// A line is the arguments of a command, an underscore for an empty one.
    private static let script = """
        auth status
        user add root:rp
        user add u:up
        user add np --no-password
        user add u:up
        role add r
        role add r
        role grant-permission r readwrite a
        role grant-permission r read b/ --prefix
        role grant-permission r write c d
        role grant-permission r read x --from-key
        role grant-permission zz read x
        role get r
        role get zz
        role get root
        user grant-role u r
        user grant-role u zz
        user get u
        user get u --detail
        user get zz
        user list
        role list
        auth enable
        auth status
        get a
        put a 1
        --user u:up put a 1
        --user u:up get a
        --user u:bad get a
        --user zz:up get a
        --user u:up put b/1 1
        --user u:up get b/ --prefix
        --user u:up get c
        --user u:up put c 1
        --user u:up get _ --prefix
        --user u:up get x --from-key
        --user u:up del a
        --user u:up del a --prev-kv
        --user u:up user get u
        --user u:up user list
        --user u:up role get r
        --user u:up role list
        --user u:up auth disable
        --user u:up auth status
        --user root:rp auth status
        --user root:rp put z 1
        --user root:rp role revoke-permission r a
        --user root:rp role revoke-permission r a
        --user root:rp role revoke-permission r b/ --prefix
        --user u:up put a 2
        --user root:rp user revoke-role u r
        --user root:rp user revoke-role u r
        --user root:rp user delete root
        --user root:rp user revoke-role root root
        --user root:rp role delete root
        --user root:rp role delete r
        --user root:rp role delete r
        --user u:up get a
        --user root:rp user delete u
        --user u:up get a
        --user root:rp user list
        --user root --password rp get z
        --user root:rp auth enable
        --user root:rp auth disable
        --user root:rp get z
        get z
        auth status
        """

    @Test(arguments: PeerEtcd.withCommandLine) func asEtcd(_ etcd: PeerEtcd) async throws {
        let etcdctl = etcd.path + "ctl"
        let ours = try await withEtcdServer(options: .cheap) { port, _ in try await Self.transcript(etcdctl, port) }
        #expect(ours.contains("--user u:up get a => 0 | a | 1"))
        #expect(ours.contains("--user u:bad get a => 2"))
        let theirs = try await etcd.serve { _, port in try await Self.transcript(etcdctl, port) }
        for (mine, other) in zip(ours, theirs) { #expect(mine == other) }
        #expect(ours.count == theirs.count)
    }

    private static func transcript(_ etcdctl: String, _ port: Int) async throws -> [String] {
        var transcript: [String] = []
        for line in script.split(separator: "\n") {
            let arguments = line.split(separator: " ").map { $0 == "_" ? "" : String($0) }
            // Time enough, for a machine that is busy.
            let options = ["--endpoints", "127.0.0.1:\(port)", "--dial-timeout", "20s", "--command-timeout", "20s"]
            let child = try ChildProcess(
                etcdctl, options + arguments, environment: ["ETCDCTL_API": "3"], errors: "/dev/null")
            var output: [String] = []
            for await line in child.lines { output.append(line) }
            transcript.append((["\(line) => \(await child.status())"] + output).joined(separator: " | "))
        }
        return transcript
    }
}

extension PeerEtcd {
    /// Those of version 3.5 whose command line is beside them.
    fileprivate static let withCommandLine = all.filter { etcd in
        etcd.version.hasPrefix("3.5.") && FileManager.default.isExecutableFile(atPath: etcd.path + "ctl")
    }
}
