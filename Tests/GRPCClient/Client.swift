public import NIOCore
public import NIOHPACK
import NIOHTTP2
import NIOPosix

/// A client of gRPC for the tests, near to the frames: it can stop reading, cancel, ping, and see each frame that
/// concerns it.
public final class Client: Sendable {
    private let channel: any Channel
    private let handler: NIOLoopBound<ClientHandler>
    /// Codes and texts of the GOAWAY frames that came.
    public let goAways: AsyncStream<(code: Int, text: String)>

    private init(
        channel: any Channel, handler: NIOLoopBound<ClientHandler>, goAways: AsyncStream<(code: Int, text: String)>
    ) {
        self.channel = channel
        self.handler = handler
        self.goAways = goAways
    }

    public static func connect(to address: SocketAddress) async throws -> Client {
        try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(to: address) { channel in
            channel.eventLoop.makeCompletedFuture {
                let (goAways, continuation) = AsyncStream<(code: Int, text: String)>.makeStream()
                let handler = ClientHandler(goAways: continuation)
                try channel.pipeline.syncOperations.addHandler(NIOHTTP2Handler(mode: .client))
                try channel.pipeline.syncOperations.addHandler(handler)
                return Client(
                    channel: channel, handler: NIOLoopBound(handler, eventLoop: channel.eventLoop), goAways: goAways)
            }
        }
    }

    /// Begins a call. Its messages are taken with `next`.
    public func call(_ path: String, headers: HPACKHeaders = [:]) async throws -> ClientCall {
        // Those that begin with a colon come first.
        var all: HPACKHeaders = [
            ":method": headers.first(name: ":method") ?? "POST", ":scheme": "http", ":path": path,
            ":authority": "test", "te": "trailers",
            "content-type": headers.first(name: "content-type") ?? "application/grpc",
        ]
        for (name, value, _) in headers where !all.contains(name: name) { all.add(name: name, value: value) }
        let (frames, continuation) = AsyncStream<ClientCall.Frame>.makeStream()
        let id = try await onLoop { [all] in try $0.open(all, continuation) }
        return ClientCall(id: id, client: self, frames: frames)
    }

    /// One message each way.
    public func unary(_ path: String, _ message: [UInt8], headers: HPACKHeaders = [:]) async throws -> Answer {
        let call = try await call(path, headers: headers)
        try await call.send(message, isLast: true)
        return try await call.answer()
    }

    public func ping() async throws {
        try await onLoop { $0.write(.ping(HTTP2PingData(withInteger: 77), ack: false), on: .rootStream) }
    }

    public func close() async throws {
        try await channel.close().get()
    }

    /// Returns when the server has closed the connection.
    public func closed() async throws {
        try await channel.closeFuture.get()
    }

    func onLoop<R: Sendable>(_ body: @escaping @Sendable (ClientHandler) throws -> R) async throws -> R {
        try await channel.eventLoop.submit { try body(self.handler.value) }.get()
    }
}

/// How a call was answered.
public struct Answer: Sendable {
    public var messages: [[UInt8]] = []
    public var headers: HPACKHeaders?
    public var trailers: HPACKHeaders = [:]
    /// The code of RST_STREAM, if that ended it.
    public var reset: Int?

    public var status: Int? { trailers.first(name: "grpc-status").flatMap { Int($0) } }
    public var message: String? { trailers.first(name: "grpc-message") }
}
