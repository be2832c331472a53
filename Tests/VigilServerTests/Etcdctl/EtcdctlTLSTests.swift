import ChildProcess
import Foundation
import GRPCServer
import TestCertificates
import TestSupport
import Testing

@testable import VigilServer

/// etcd's own command line, encrypted, and with certificates on both sides.
@Suite(.enabled(if: Etcdctl.path != nil), .timeLimit(.minutes(2))) struct EtcdctlTLSTests {
    @Test func certificatesOnBothSides() async throws {
        try await withTemporaryDirectory { folder in
            func put(_ text: String, _ name: String) throws -> String {
                try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
                return "\(folder)/\(name)"
            }
            let (authority, stranger) = (try Authority(), try Authority())
            let server = try authority.issue("server", addresses: [[127, 0, 0, 1]])
            let alice = try authority.issue("alice")
            let eve = try stranger.issue("alice")
            let ca = try put(try authority.pem, "ca.crt")
            var options = EtcdServerOptions()
            options.connections.tls = TLSOptions(
                certificateFile: try put(server.certificate, "server.crt"), keyFile: try put(server.key, "server.key"),
                clientCAFile: ca)
            let trusted = [
                "--cacert", ca, "--cert", try put(alice.certificate, "a.crt"), "--key", try put(alice.key, "a.key"),
            ]
            let untrusted = [
                "--cacert", ca, "--cert", try put(eve.certificate, "e.crt"), "--key", try put(eve.key, "e.key"),
            ]
            let misled = trusted.map { $0 == ca ? "\(folder)/stranger.crt" : $0 }
            _ = try put(try stranger.pem, "stranger.crt")
            try await withEtcdServer(options: options) { port, _ in
                func etcdctl(_ tls: [String], _ arguments: String...) async throws -> [String]? {
                    try await Etcdctl(port: port, options: tls + ["--dial-timeout", "1s", "--command-timeout", "1s"])
                        .run(arguments)
                }
                let written = try await etcdctl(trusted, "put", "a", "1")
                #expect(written == ["OK"])
                #expect(try await etcdctl(trusted, "get", "a") == ["a", "1"])
                #expect(try await etcdctl(trusted, "endpoint", "health") != nil)
                #expect(try await etcdctl(untrusted, "get", "a") == nil)
                #expect(try await etcdctl(["--cacert", ca], "get", "a") == nil)
                #expect(try await etcdctl(misled, "get", "a") == nil)
                #expect(try await etcdctl([], "get", "a") == nil)
            }
        }
    }
}
