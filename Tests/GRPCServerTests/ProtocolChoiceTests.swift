import GRPCClient
import NIOCore
import NIOSSL
import TestCertificates
import Testing

@testable import GRPCServer

/// Who speaks HTTP/2 is told from who does not, however the bytes come.
@Suite(.timeLimit(.minutes(1))) struct ProtocolChoiceTests {
    /// Options with something else to serve: it says what came first, and how many connections the server counts.
    private static var options: ServerOptions {
        var options = ServerOptions()
        options.otherwise = { channel, statistics in
            try channel.pipeline.syncOperations.addHandler(Saying(statistics))
        }
        return options
    }

    private final class Saying: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let statistics: @Sendable () -> ServerStatistics

        init(_ statistics: @escaping @Sendable () -> ServerStatistics) { self.statistics = statistics }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let text = String(buffer: unwrapInboundIn(data))
            let answer = "got \(text), \(statistics().connections) connections"
            let written = context.eventLoop.makePromise(of: Void.self)
            written.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)), promise: written)
        }
    }

    private func exchange(
        _ parts: [String], with address: SocketAddress, tls: NIOSSLContext? = nil
    ) async throws -> String {
        let connection = try await RawConnection.connect(to: address) {
            try tls.map { try NIOSSLClientHandler(context: $0, serverHostname: "localhost") }
        }
        for part in parts { try await connection.write(Array(part.utf8)) }
        try await connection.closed()
        return connection.text
    }

    @Test(arguments: [["GET / HTTP/1.1"], ["PRI * HTTP/1"], ["P", "R", "I * X"], ["\u{16}\u{3}"]])
    func otherBytesAreServedOtherwise(parts: [String]) async throws {
        try await withServer([Methods.echo], options: Self.options) { client, address in
            // Only the other client's connection counts.
            let answer = try await exchange(parts, with: address)
            #expect(answer == "got \(parts.joined()), 1 connections")
            let echo = try await client.unary("/test.Test/Echo", [1]).messages
            #expect(echo == [[1]])
        }
    }

    @Test func thePrefaceMayComeInPieces() async throws {
        try await withServer([Methods.echo], options: Self.options) { _, address in
            let connection = try await RawConnection.connect(to: address)
            for byte in RawConnection.preface { try await connection.write([byte]) }
            try await connection.receives(within: .seconds(10), "settings") { $0.hasReceived(RawFrame.settings) }
            try await connection.close()
        }
    }

    @Test func withNothingElseToServeItIsClosed() async throws {
        try await withServer([Methods.echo]) { _, address in
            let answer = try await exchange(["GET / HTTP/1.1"], with: address)
            #expect(answer == "")
        }
    }

    @Test(arguments: ["", "PRI * HTTP/2.0"])
    func whoNeverSaysIsClosed(text: String) async throws {
        var options = Self.options
        options.handshakeTimeout = .milliseconds(200)
        try await withServer([Methods.echo], options: options) { _, address in
            let answer = try await exchange([text], with: address)
            #expect(answer == "")
        }
    }

    /// The bytes do not count then: what is no call is not made one by them.
    @Test(arguments: [["http/1.1"], []], ["GET / HTTP/1.1", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])
    func withTLSItIsWhatWasAgreedOn(protocols: [String], text: String) async throws {
        try await withTLS {
            $0.otherwise = Self.options.otherwise
        } _: { folder, server in
            var configuration = try folder.client(try folder.clients.issue("alice")).configuration
            configuration.applicationProtocols = protocols
            let context = try NIOSSLContext(configuration: configuration)
            let answer = try await exchange([text], with: server.address, tls: context)
            #expect(answer == "got \(text), 0 connections")
        }
    }

    /// What is served otherwise is behind the same certificates.
    @Test func withoutACertificateNothingIsServed() async throws {
        try await withTLS {
            $0.otherwise = Self.options.otherwise
        } _: { folder, server in
            var configuration = try folder.client(nil).configuration
            configuration.applicationProtocols = []
            let context = try NIOSSLContext(configuration: configuration)
            let connection = try await RawConnection.connect(to: server.address) {
                try NIOSSLClientHandler(context: context, serverHostname: "localhost")
            }
            try? await connection.write(Array("GET / HTTP/1.1".utf8))
            try await connection.closed()
            #expect(connection.text == "")
        }
    }
}
