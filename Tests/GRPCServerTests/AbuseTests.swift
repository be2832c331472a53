import GRPCClient
import NIOCore
import NIOHPACK
import NIOPosix
import TestSupport
import Testing

@testable import GRPCServer

/// Clients that break the rules: they lose their connection, and nobody else notices.
@Suite(.timeLimit(.minutes(1))) struct AbuseTests {
    @Test func pingsTooOften() async throws {
        try await withServer([Methods.echo]) { client, address in
            for _ in 0..<5 { try await client.ping() }
            var goAways = client.goAways.makeAsyncIterator()
            let last = await goAways.next()
            #expect(last?.code == 11 && last?.text == "too_many_pings")
            try await client.closed()
            let other = try await Client.connect(to: address)
            #expect(try await other.unary("/test.Test/Echo", [1]).status == 0)
        }
    }

    @Test func pingsWhileSomethingIsSentAreFree() async throws {
        try await withServer([Methods.echo]) { client, _ in
            for _ in 0..<20 {
                try await client.ping()
                #expect(try await client.unary("/test.Test/Echo", [1]).status == 0)
            }
        }
    }

    @Test func aClientThatDoesNotAnswerPingsIsClosed() async throws {
        var options = ServerOptions()
        options.keepaliveInterval = .milliseconds(50)
        options.keepaliveTimeout = .milliseconds(50)
        try await withServer([Methods.echo], options: options) { client, address in
            // It says what a client says first, and nothing more.
            let silent = try await RawConnection.connect(to: address)
            try await silent.write(RawConnection.preface)
            try await silent.closed()
            // One that answers lives on.
            #expect(try await client.unary("/test.Test/Echo", [1]).status == 0)
        }
    }

    @Test func connectionsOverTheLimitAreClosed() async throws {
        var options = ServerOptions()
        options.maximumConnections = 1
        try await withServer([Methods.echo], options: options) { client, address in
            #expect(try await client.unary("/test.Test/Echo", [1]).status == 0)
            let second = try await RawConnection.connect(to: address)
            try await second.closed()
            #expect(try await client.unary("/test.Test/Echo", [1]).status == 0)
        }
    }

    @Test func headersOverTheLimit() async throws {
        try await withServer([Methods.echo]) { client, address in
            let call = try await client.call(
                "/test.Test/Echo", headers: ["big": String(repeating: "x", count: ServerOptions().maximumHeaderBytes)])
            _ = try await call.answer()
            let other = try await Client.connect(to: address)
            #expect(try await other.unary("/test.Test/Echo", [1]).status == 0)
        }
    }

    @Test func streamsOverTheLimitWait() async throws {
        var options = ServerOptions()
        options.maximumStreams = 2
        try await withServer([Methods.echo], options: options) { client, _ in
            try await withThrowingTaskGroup(of: Int?.self) { group in
                for _ in 0..<20 { group.addTask { try await client.unary("/test.Test/Echo", [1]).status } }
                for try await status in group { #expect(status == 0) }
            }
        }
    }

    /// Random bytes, and valid beginnings with random bytes in them.
    @Test(arguments: [UInt64.random(in: 0 ... .max)])
    func garbage(_ seed: UInt64) async throws {
        try await withServer([Methods.echo]) { client, address in
            var random = SeededGenerator(seed)
            for round in 0..<200 {
                let connection = try await RawConnection.connect(to: address)
                var bytes = random.chance(4) ? [] : RawConnection.preface
                for _ in 0..<random.below(6) {
                    bytes += random.chance(3) ? random.bytes(40) : random.frame()
                }
                try? await connection.write(bytes)
                try? await connection.close()
                if round % 20 == 0 {
                    #expect(try await client.unary("/test.Test/Echo", [1]).status == 0, "seed \(seed), round \(round)")
                }
            }
        }
    }
}

extension SeededGenerator {
    fileprivate mutating func bytes(_ limit: Int) -> [UInt8] {
        (0..<below(limit)).map { _ in UInt8(below(256)) }
    }

    /// A frame whose length is right and whose rest is random: type, flags, stream, payload.
    fileprivate mutating func frame() -> [UInt8] {
        let payload = bytes(60)
        return [0, 0, UInt8(payload.count), UInt8(below(11)), UInt8(below(256)), 0, 0, 0, UInt8(below(6))] + payload
    }
}

/// A connection of plain bytes.
struct RawConnection {
    let channel: any Channel

    /// What opens a connection of HTTP/2: the magic, and settings that change nothing.
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]

    /// Through the handler that `make` returns, if any.
    static func connect(
        to address: SocketAddress, through make: @escaping @Sendable () throws -> (any ChannelHandler)? = { nil }
    ) async throws -> RawConnection {
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                if let handler = try make() { try channel.pipeline.syncOperations.addHandler(handler) }
            }
        }
        return RawConnection(channel: try await bootstrap.connect(to: address).get())
    }

    func write(_ bytes: [UInt8]) async throws {
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    func close() async throws { try await channel.close().get() }

    func closed() async throws { try await channel.closeFuture.get() }
}
