import NIOCore
import NIOPosix
import Testing
import Threads

/// A connection of plain bytes.
struct RawConnection: Sendable {
    let channel: any Channel
    private let received: Received

    /// What opens a connection of HTTP/2: the magic, and settings that change nothing.
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]

    /// Through the handler that `make` returns, if any.
    static func connect(
        to address: SocketAddress, through make: @escaping @Sendable () throws -> (any ChannelHandler)? = { nil }
    ) async throws -> RawConnection {
        let received = Received()
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                if let handler = try make() { try channel.pipeline.syncOperations.addHandler(handler) }
                try channel.pipeline.syncOperations.addHandler(Recorder(received: received))
            }
        }
        return RawConnection(channel: try await bootstrap.connect(to: address).get(), received: received)
    }

    func write(_ bytes: [UInt8]) async throws {
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    func close() async throws { try await channel.close().get() }

    func closed() async throws { try await channel.closeFuture.get() }

    /// Waits until the server has closed it.
    func closed(within time: Duration, _ what: String) async throws {
        try await receives(within: time, what) { !$0.channel.isActive }
    }

    /// Waits until something has come.
    func receives(
        within time: Duration, _ what: String, _ condition: (RawConnection) -> Bool
    ) async throws {
        let end = ContinuousClock.now + time
        while !condition(self) {
            guard ContinuousClock.now < end else {
                Issue.record("\(what): not within \(time); frames received: \(received.frames.map(\.type))")
                return
            }
            // What is awaited is bytes, of which nothing tells.
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    /// What came, where that is no frames.
    var text: String { received.text }

    /// Whether the server has sent a frame of this type.
    func hasReceived(_ type: UInt8) -> Bool { count(of: type) > 0 }

    func count(of type: UInt8) -> Int { count(of: type, flag: 0) }

    /// How many frames of this type have come that have this flag.
    func count(of type: UInt8, flag: UInt8) -> Int {
        received.frames.count { $0.type == type && $0.flags & flag == flag }
    }

    /// The frames that came.
    private final class Received: Sendable {
        private let bytes = Lock<[UInt8]>([])

        func append(_ new: ByteBuffer) { bytes.withLock { $0 += Array(buffer: new) } }

        var text: String { String(decoding: bytes.withLock { $0 }, as: UTF8.self) }

        var frames: [(type: UInt8, flags: UInt8)] {
            let bytes = bytes.withLock { $0 }
            var frames: [(type: UInt8, flags: UInt8)] = []
            var start = 0
            while start + 9 <= bytes.count {
                frames.append((bytes[start + 3], bytes[start + 4]))
                start += 9 + Int(bytes[start]) << 16 + Int(bytes[start + 1]) << 8 + Int(bytes[start + 2])
            }
            return frames
        }
    }

    private final class Recorder: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let received: Received

        init(received: Received) { self.received = received }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { received.append(unwrapInboundIn(data)) }
    }
}

/// Frames, valid or not.
enum RawFrame {
    static let (data, headers, priority, reset, settings): (UInt8, UInt8, UInt8, UInt8, UInt8) = (0, 1, 2, 3, 4)
    static let (push, ping, goAway, windowUpdate, continuation): (UInt8, UInt8, UInt8, UInt8, UInt8) = (5, 6, 7, 8, 9)

    static func frame(_ type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []) -> [UInt8] {
        let count = payload.count
        return [UInt8(count >> 16), UInt8(count >> 8 & 255), UInt8(count & 255), type, flags] + bytes(stream) + payload
    }

    static func bytes(_ number: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
    }

    /// A header, without compression; both parts shorter than 127 bytes.
    static func header(_ name: String, _ value: String) -> [UInt8] {
        [0, UInt8(name.utf8.count)] + Array(name.utf8) + [UInt8(value.utf8.count)] + Array(value.utf8)
    }

    /// What begins a call of a method.
    static func request(_ path: String = "/test.Test/Echo") -> [UInt8] {
        header(":method", "POST") + header(":scheme", "http") + header(":path", path) + header(":authority", "test")
            + header("te", "trailers") + header("content-type", "application/grpc")
    }
}
