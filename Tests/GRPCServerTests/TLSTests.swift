import GRPCClient
import NIOCore
import NIOSSL
import TestCertificates
import TestSupport
import Testing

@testable import GRPCServer

/// Who gets in by TLS, who does not, and who it is.
@Suite(.timeLimit(.minutes(1))) struct TLSTests {
    @Test func theNameInTheCertificateIsThePeers() async throws {
        try await withTLS { folder, server in
            for name in ["alice", "ünïcode", "a b,c=d"] {
                let tls = try folder.client(try folder.clients.issue(name))
                let client = try await Client.connect(to: server.address, tls: tls)
                #expect(try await client.whoAmI() == name)
            }
        }
    }

    @Test func aCertificateThatNamesNobodyOrTwoIsNobodys() async throws {
        try await withTLS { folder, server in
            for issued in [try folder.clients.issue(), try folder.clients.issue("alice", "root")] {
                let client = try await Client.connect(to: server.address, tls: try folder.client(issued))
                #expect(try await client.whoAmI() == "nobody")
            }
        }
    }

    @Test func largeMessagesGoThrough() async throws {
        try await withTLS { folder, server in
            let client = try await Client.connect(
                to: server.address, tls: try folder.client(try folder.clients.issue("alice")))
            let message = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0) }
            #expect(try await client.unary("/test.Test/Echo", message).messages == [message])
        }
    }

    @Test(arguments: ["none", "another authority's", "expired", "not yet valid"])
    func clientsThatAreRefused(_ kind: String) async throws {
        let log = LogRecorder()
        try await withTLS(log: log) { folder, server in
            let issued: Authority.Issued? =
                switch kind {
                case "none": nil
                case "expired": try folder.clients.issue("alice", from: -2, through: -1)
                case "not yet valid": try folder.clients.issue("alice", from: 1, through: 2)
                default: try Authority("clients").issue("alice")
                }
            let tls = try folder.client(issued)
            await #expect(throws: (any Error).self) { try await Client.connect(to: server.address, tls: tls) }
            #expect(await log.line(with: "a TLS handshake failed").contains("127.0.0.1"))
            // Others are served.
            let other = try folder.client(try folder.clients.issue("bob"))
            let bob = try await Client.connect(to: server.address, tls: other)
            #expect(try await bob.whoAmI() == "bob")
        }
    }

    @Test func certificatesMayBeOptional() async throws {
        try await withTLS {
            $0.tls?.requiresClientCertificate = false
        } _: { folder, server in
            let nobody = try await Client.connect(to: server.address, tls: try folder.client(nil))
            #expect(try await nobody.whoAmI() == "nobody")
            let alice = try await Client.connect(
                to: server.address, tls: try folder.client(try folder.clients.issue("alice")))
            #expect(try await alice.whoAmI() == "alice")
            // A wrong one is worse than none.
            let wrong = try folder.client(try Authority().issue("alice"))
            await #expect(throws: (any Error).self) { try await Client.connect(to: server.address, tls: wrong) }
        }
    }

    /// Without authorities nobody is asked, and what a client shows is not believed.
    @Test func withoutAuthoritiesNobodyHasAName() async throws {
        try await withTLS {
            $0.tls?.clientCAFile = nil
        } _: { folder, server in
            let client = try await Client.connect(
                to: server.address, tls: try folder.client(try folder.clients.issue("alice")))
            #expect(try await client.whoAmI() == "nobody")
        }
    }

    @Test func aClientRefusesAServerThatItDoesNotKnow() async throws {
        try await withTLS { folder, server in
            let issued = try folder.clients.issue("alice")
            let otherAuthority = try folder.client(issued, trusting: try Authority("servers"))
            await #expect(throws: NIOSSLError.self) {
                try await Client.connect(to: server.address, tls: otherAuthority)
            }
            let otherHost = try folder.client(issued, host: "other")
            await #expect(throws: NIOSSLExtraError.self) {
                try await Client.connect(to: server.address, tls: otherHost)
            }
        }
    }

    @Test func olderVersionsOfTLSAreRefused() async throws {
        try await withTLS { folder, server in
            var tls = try folder.client(try folder.clients.issue("alice"))
            tls.configuration.maximumTLSVersion = .tlsv12
            let client = try await Client.connect(to: server.address, tls: tls)
            #expect(try await client.whoAmI() == "alice")
            tls.configuration.maximumTLSVersion = .tlsv11
            let older = tls
            await #expect(throws: NIOSSLError.self) { try await Client.connect(to: server.address, tls: older) }
        }
    }

    @Test(arguments: [["http/1.1"], []]) func whatIsNotHTTP2IsClosed(_ protocols: [String]) async throws {
        let log = LogRecorder()
        try await withTLS(log: log) { folder, server in
            var configuration = try folder.client(try folder.clients.issue("alice")).configuration
            configuration.applicationProtocols = protocols
            let context = try NIOSSLContext(configuration: configuration)
            let connection = try await RawConnection.connect(to: server.address) {
                try NIOSSLClientHandler(context: context, serverHostname: "localhost")
            }
            try await connection.closed()
            #expect(await !log.line(with: "does not speak HTTP/2").isEmpty)
        }
    }

    @Test func plainTextToTLSAndTheReverse() async throws {
        try await withTLS { folder, server in
            let plain = try await RawConnection.connect(to: server.address)
            try await plain.write(RawConnection.preface)
            try await plain.closed()
            let other = try folder.client(try folder.clients.issue("bob"))
            let bob = try await Client.connect(to: server.address, tls: other)
            #expect(try await bob.whoAmI() == "bob")
            try await withServer([Methods.echo]) { client, address in
                await #expect(throws: (any Error).self) { try await Client.connect(to: address, tls: other) }
                let status = try await client.unary("/test.Test/Echo", [1]).status
                #expect(status == 0)
            }
        }
    }

    @Test func whoDoesNotShakeHandsIsClosed() async throws {
        try await withTLS {
            $0.handshakeTimeout = .milliseconds(100)
        } _: { folder, server in
            let silent = try await RawConnection.connect(to: server.address)
            try await silent.closed()
            // The beginning of a handshake, of 512 bytes, and no more.
            let slow = try await RawConnection.connect(to: server.address)
            try await slow.write([0x16, 3, 1, 2, 0, 1, 0])
            try await slow.closed()
        }
    }
}
