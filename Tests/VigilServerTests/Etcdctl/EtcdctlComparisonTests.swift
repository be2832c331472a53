import ChildProcess
import Foundation
import TestSupport
import Testing

/// Every command of `etcdctl` on this server and on a real etcd of its version: the same output, the same errors, the same
/// exit codes. Left out is what each server has of its own: numbers of members and leases, versions, sizes, hashes, the
/// numbers of the raft log, and peers, of which Vigil has none.
@Suite(.enabled(if: !PeerEtcd.all.isEmpty), .timeLimit(.minutes(5))) struct EtcdctlComparisonTests {
    @Test(arguments: PeerEtcd.all) func saysTheSame(_ peer: PeerEtcd) async throws {
        let etcdctl = try #require(Self.client(of: peer), "no etcdctl \(peer.version)")
        try await peer.serve { _, peerPort in
            try await withEtcdServer { port, _ in
                for step in etcdctlSteps where !Self.differs(step, peer) {
                    async let expected = run(etcdctl, step, peerPort)
                    async let found = run(etcdctl, step, port)
                    let (ours, theirs) = try await (found, expected)
                    #expect(ours == theirs, "etcdctl \(step)")
                }
            }
        }
    }

    /// That of the same version.
    private static func client(of peer: PeerEtcd) -> String? {
        Programs.paths(of: "etcdctl").first { Programs.version(of: $0, "version") == peer.version }
    }

    /// Before 3.5 a server answered without a header here.
    private static func differs(_ step: String, _ peer: PeerEtcd) -> Bool {
        step == "alarm list -w json" && peer.version.hasPrefix("3.4")
    }

    private struct Output: Equatable, Sendable {
        var code: Int32
        var text: String
        var errors: String
    }

    private func run(_ etcdctl: String, _ step: String, _ port: Int) async throws -> Output {
        try await withTemporaryDirectory(inMemory: true) { folder in
            let parts = step.components(separatedBy: "<<< ")
            let words = parts[0].split(separator: " ").map { String($0).replacing("\"", with: "") }
            let input = parts.dropFirst().first?.replacing(#"\n"#, with: "\n") ?? ""
            let child = try ChildProcess(
                etcdctl, ["--endpoints", "127.0.0.1:\(port)", "--command-timeout", "5s"] + words,
                environment: ["ETCDCTL_API": "3"], input: Array(input.utf8), errors: folder + "/errors")
            var lines: [String] = []
            for await line in child.lines { lines.append(line) }
            let code = await child.status()
            let errors = String(decoding: try Data(contentsOf: URL(fileURLWithPath: folder + "/errors")), as: UTF8.self)
            return Output(code: code, text: Self.normal(lines.joined(separator: "\n")), errors: Self.normal(errors))
        }
    }

    /// What stands for what the servers have of their own.
    private static func normal(_ text: String) -> String {
        let numbers = "cluster_id|member_id|(raft_t|raftT)erm|raft(Applied)?Index|leader|ID|hash|dbSize(InUse)?"
        let fields = "ClusterID|MemberID|ID|RaftTerm|RaftIndex|RaftAppliedIndex|Leader|Hash|DBSize|DBSizeInUse"
        let patterns = [
            (#"127\.0\.0\.1:\d+"#, "ADDRESS"),
            ("\"(\(numbers))\":-?\\d+", "\"$1\":0"),
            ("\"(\(fields))\" : \\d+", "\"$1\" : 0"),
            (#"\b[0-9a-f]{12,16}\b"#, "ID"),
            (#"took = [^ ]+"#, "took"),
            (#""(took|ts|caller|target|logger)":("[^"]*"|[\d.]+)"#, "$1"),
            (#"\d{4}-\d\d-\d\dT[\d:.]+Z"#, "TIME"),
            (#"(ADDRESS, ID), 3\.\d+\.\d+, \d+ kB, (\w+, \w+), \d+, \d+, \d+,"#, "$1, $2,"),
            (#"("version":|"Version" : )"3\.\d+\.\d+""#, "$1"),
            (#"^ADDRESS, \d+$"#, "ADDRESS, HASH"),
            (#"\b(peer|vigil)\b(.*)http://ADDRESS, http://ADDRESS"#, "NAME$2, http://ADDRESS"),
            (#"\b(peer|vigil), , "#, "NAME, , "),
            (#""(name":|Name" : )"(peer|vigil)""#, "NAME"),
            (#""peerURLs":\["http://ADDRESS"\],"#, ""), (#""PeerURL" : "http://ADDRESS"\n"#, ""),
        ]
        return patterns.reduce(text) { text, pattern in
            text.replacingOccurrences(of: pattern.0, with: pattern.1, options: .regularExpression)
        }
    }
}
