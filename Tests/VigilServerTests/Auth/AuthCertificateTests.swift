import Foundation
import GRPCClient
import GRPCServer
import NIOCore
import TestCertificates
import TestSupport
import Testing
import WireMessages

@testable import VigilServer

/// Users by the names in their certificates.
@Suite(.timeLimit(.minutes(1))) struct AuthCertificateTests {
    @Test func aCertificateIsAUser() async throws {
        try await withTemporaryDirectory { folder in
            func put(_ text: String, _ name: String) throws -> String {
                try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
                return "\(folder)/\(name)"
            }
            let authority = try Authority()
            let server = try authority.issue("server", addresses: [[127, 0, 0, 1]])
            let ca = try put(try authority.pem, "ca.crt")
            var options = EtcdServerOptions.cheap
            options.connections.tls = TLSOptions(
                certificateFile: try put(server.certificate, "server.crt"), keyFile: try put(server.key, "server.key"),
                clientCAFile: ca)
            options.connections.tls?.requiresClientCertificate = false
            try await withEtcdServer(options: options) { port, _ in
                func client(_ name: String?) async throws -> EtcdClient {
                    var (certificate, key): (String?, String?) = (nil, nil)
                    if let name {
                        let issued = try authority.issue(name)
                        certificate = try put(issued.certificate, "\(name).crt")
                        key = try put(issued.key, "\(name).key")
                    }
                    let tls = try Client.TLS(authorities: ca, certificate: certificate, key: key)
                    return EtcdClient(try await Client.connect(host: "127.0.0.1", port: port, tls: tls))
                }
                let (nobody, alice, stranger) = (
                    try await client(nil), try await client("alice"), try await client("eve")
                )
                let watch = try await alice.watch()
                try await watch.create("a")
                #expect(try await watch.next().created)
                try await nobody.addRole("r", .readwrite, "a")
                try await nobody.addUser("alice", "", roles: ["r"])
                let root = try await nobody.restrict()
                try await alice.put("a", "1")
                // A watch that began before knows the certificate, too.
                #expect(try await watch.events(1)[0].kv.text == "a=1")
                await #expect(throws: refusal(7, "etcdserver: permission denied")) { try await alice.put("b", "1") }
                await #expect(throws: refusal(7, "etcdserver: permission denied")) { try await stranger.put("a", "1") }
                await #expect(throws: refusal(3, "etcdserver: user name is empty")) { try await nobody.put("a", "1") }
                // A token counts before the certificate.
                var both = alice
                both.token = root.token
                try await both.put("b", "1")
                both.token = "wrong"
                await #expect(throws: refusal(16, "etcdserver: invalid auth token")) { try await both.put("a", "1") }
                try await root.deleteUser("alice")
                await #expect(throws: refusal(7, "etcdserver: permission denied")) { try await alice.put("a", "1") }
                for client in [nobody, alice, stranger] { try await client.client.close() }
            }
        }
    }
}
