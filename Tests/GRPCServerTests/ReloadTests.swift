import Foundation
import GRPCClient
import NIOCore
import NIOSSL
import TestCertificates
import TestSupport
import Testing

@testable import GRPCServer

/// The files of certificates: what is wrong with them, and their changes while the server runs.
@Suite(.timeLimit(.minutes(1))) struct ReloadTests {
    @Test func aNewCertificateIsForNewConnections() async throws {
        let log = LogRecorder()
        try await withTLS(log: log) { folder, server in
            let alice = try folder.clients.issue("alice")
            let old = try await Client.connect(to: server.address, tls: try folder.client(alice))
            let stream = try await old.call("/test.Test/Echoes")
            try await stream.send([1])
            #expect(try await stream.next() == [1])

            let others = try Authority("others")
            try folder.put(try others.issue("server"))
            server.reloadCertificates()
            #expect(await log.line(with: "new connections get the new certificate").contains("info"))

            // A call that runs goes on, and new calls on the same connection.
            try await stream.send([2])
            #expect(try await stream.next() == [2])
            #expect(try await old.whoAmI() == "alice")
            let new = try await Client.connect(to: server.address, tls: try folder.client(alice, trusting: others))
            #expect(try await new.whoAmI() == "alice")
            await #expect(throws: NIOSSLError.self) {
                try await Client.connect(to: server.address, tls: try folder.client(alice))
            }
        }
    }

    @Test func authoritiesOfClientsAreReloadedToo() async throws {
        let log = LogRecorder()
        try await withTLS(log: log) { folder, server in
            let others = try Authority("others")
            try folder.write(try others.pem, to: "clients.crt")
            server.reloadCertificates()
            _ = await log.line(with: "new connections")
            let new = try await Client.connect(to: server.address, tls: try folder.client(try others.issue("bob")))
            #expect(try await new.whoAmI() == "bob")
            let old = try folder.client(try folder.clients.issue("alice"))
            await #expect(throws: (any Error).self) { try await Client.connect(to: server.address, tls: old) }
        }
    }

    @Test func changesAreSeenWithoutBeingTold() async throws {
        let log = LogRecorder()
        try await withTLS(log: log) {
            $0.tls?.reloadInterval = .milliseconds(20)
        } _: { folder, server in
            // First one file, then the other: in between they do not match.
            let new = try folder.servers.issue("server")
            try folder.write(new.certificate, to: "server.crt")
            #expect(await log.line(with: "does not belong").hasPrefix("error"))
            try folder.write(new.key, to: "server.key")
            #expect(await !log.line(with: "new connections").isEmpty)
            // And by renaming.
            let newer = try folder.servers.issue("server")
            try folder.write(newer.certificate + newer.key, to: "both.tmp")
            for name in ["server.crt", "server.key"] {
                #expect(link(folder.file("both.tmp"), folder.file(name + ".new")) == 0)
                #expect(rename(folder.file(name + ".new"), folder.file(name)) == 0)
            }
            #expect(await !log.line(with: "new connections").isEmpty)
        }
    }

    @Test func brokenFilesLeaveTheOldOnesInUse() async throws {
        let log = LogRecorder()
        try await withTLS(log: log) { folder, server in
            let (wrong, alice) = (try folder.servers.issue("server"), try folder.clients.issue("alice"))
            for (name, text, reason) in [
                ("server.crt", "", "is empty"), ("server.crt", "garbage", "holds no certificate"),
                ("server.key", wrong.key, "does not belong to"), ("server.key", "garbage", "no private key"),
                ("clients.crt", "garbage", "holds no certificate"),
                (
                    "server.crt", try folder.servers.issue("server", from: -2, through: -1).certificate,
                    "has expired"
                ),
            ] {
                let before = try String(contentsOfFile: folder.file(name), encoding: .utf8)
                try folder.write(text, to: name)
                server.reloadCertificates()
                let line = await log.line(with: "the certificates in use stay")
                #expect(line.hasPrefix("error") && line.contains(reason) && line.contains(folder.file(name)), "\(line)")
                let client = try await Client.connect(to: server.address, tls: try folder.client(alice))
                #expect(try await client.whoAmI() == "alice")
                try folder.write(before, to: name)
                server.reloadCertificates()
                #expect(await !log.line(with: "have not changed").isEmpty)
            }
        }
    }

    @Test func filesThatAServerDoesNotBeginWith() async throws {
        try await withTemporaryDirectory { path in
            let folder = try TLSFolder(path)
            func failure(_ change: (inout TLSOptions) -> Void) async -> String {
                var options = ServerOptions()
                options.tls = folder.options
                change(&options.tls!)
                do {
                    _ = try await Server.bind(
                        host: "127.0.0.1", port: 0, methods: [], options: options, logger: .quiet)
                    return ""
                } catch {
                    return error is TLSError ? "\(error)" : "another error: \(error)"
                }
            }
            #expect(
                await failure { $0.keyFile = folder.file("none") }
                    == "cannot read the key \(path)/none: there is no such file")
            #expect(await failure { $0.certificateFile = path }.hasPrefix("cannot read the certificate \(path): "))
            #expect(await failure { $0.certificateFile = "/dev/zero" }.contains("is it the right file?"))
            #expect(await failure { $0.keyFile = $0.certificateFile }.contains("no private key in PEM"))
            #expect(await failure { $0.certificateFile = $0.keyFile }.contains("holds no certificate in PEM"))
            try folder.put(try folder.servers.issue("server", from: 1, through: 2))
            #expect(await failure { _ in }.contains("is not valid before"))
            try folder.put(try folder.servers.issue("server", from: -2, through: -1))
            #expect(await failure { _ in }.contains("has expired on"))
        }
    }
}
