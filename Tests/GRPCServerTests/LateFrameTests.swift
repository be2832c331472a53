import GRPCClient
import NIOCore
import Testing

@testable import GRPCServer

/// Messages for calls that are over cost the other calls of the connection nothing, as with gRPC's servers.
@Suite(.timeLimit(.minutes(1))) struct LateFrameTests {
    private static let ping = RawFrame.frame(RawFrame.ping, [1, 2, 3, 4, 5, 6, 7, 8])

    private static func streams(_ count: Int) -> [UInt32] { (0..<count).map { UInt32($0 * 2 + 1) } }

    private static func request(_ path: String, _ stream: UInt32) -> [UInt8] {
        RawFrame.frame(RawFrame.headers, flags: 4, stream: stream, RawFrame.request(path))
    }

    private static func message(_ stream: UInt32, flags: UInt8 = 1) -> [UInt8] {
        RawFrame.frame(RawFrame.data, flags: flags, stream: stream, [0, 0, 0, 0, 1, 42])
    }

    /// A connection whose client has taken the server's settings: until then it may have only a few calls.
    private func connect(to address: SocketAddress) async throws -> RawConnection {
        let connection = try await RawConnection.connect(to: address)
        try await connection.write(RawConnection.preface)
        try await connection.receives(within: .seconds(30), "settings") { $0.hasReceived(RawFrame.settings) }
        try await connection.write(RawFrame.frame(RawFrame.settings, flags: 1))
        return connection
    }

    private func expectAnswer(_ connection: RawConnection, _ what: String) async throws {
        try await connection.write(Self.ping)
        try await connection.receives(within: .seconds(30), what) { $0.hasReceived(RawFrame.ping) }
        #expect(connection.channel.isActive && !connection.hasReceived(RawFrame.goAway), "\(what)")
        try? await connection.close()
    }

    /// What a client had sent before it learned that its calls are refused.
    @Test func forCallsThatTheServerHasEnded() async throws {
        let streams = Self.streams(1000)
        try await withServer([Methods.echo]) { _, address in
            let connection = try await connect(to: address)
            try await connection.write(streams.flatMap { Self.request("/test.Test/None", $0) })
            try await connection.receives(within: .seconds(30), "refusals") {
                $0.count(of: RawFrame.reset) == streams.count
            }
            try await connection.write(streams.flatMap { Self.message($0) })
            try await expectAnswer(connection, "messages of refused calls")
        }
    }

    /// Netty's client sends what it still holds of a call after it has cancelled it.
    @Test func forCallsThatTheClientHasCancelled() async throws {
        let methods = [Methods.waiting(began: Event(), cancelled: Event())]
        try await withServer(methods) { _, address in
            let connection = try await connect(to: address)
            var bytes: [UInt8] = []
            for stream in Self.streams(1000) {
                bytes += Self.request("/test.Test/Wait", stream)
                bytes += RawFrame.frame(RawFrame.reset, stream: stream, [0, 0, 0, 8])
            }
            for stream in Self.streams(1000) { bytes += Self.message(stream, flags: 0) + Self.message(stream) }
            try await connection.write(bytes)
            try await expectAnswer(connection, "messages of cancelled calls")
        }
    }
}
