import GRPCWire
public import NIOCore
public import NIOHPACK
import NIOHTTP2
import NIOPosix
import NIOSSL

/// A client of gRPC on one connection of HTTP/2, which any number of calls share.
///
/// ```swift
/// let client = try await Client.connect(host: "127.0.0.1", port: 2379)
/// let answer = try await client.unary("/example.Echo/Say", request)
/// print(answer.outcome)
/// try await client.close()
/// ```
///
/// It is near to the frames: it can stop reading, ping, and send what is no message. What it holds is bounded: of each call
/// a window of HTTP/2 (64 KiB) that nobody has read, and one message.
public final class Client: Sendable {
    private let channel: any Channel
    private let handler: NIOLoopBound<ClientHandler>
    private let authority: String
    private let scheme: String
    let maximumMessageBytes: Int
    /// Codes and texts of the GOAWAY frames that came.
    public let goAways: AsyncStream<(code: Int, text: String)>

    private init(
        channel: any Channel, handler: ClientHandler, authority: String, scheme: String, options: ClientOptions,
        goAways: AsyncStream<(code: Int, text: String)>
    ) {
        self.channel = channel
        self.handler = NIOLoopBound(handler, eventLoop: channel.eventLoop)
        self.authority = authority
        self.scheme = scheme
        maximumMessageBytes = options.maximumMessageBytes
        self.goAways = goAways
    }

    /// Connects to a host by its name or address.
    ///
    /// - Parameter tls: Nil for a connection that is not encrypted.
    /// - Throws: An error of the system or of TLS, or a ``GRPCWire/Status``, that says why there is no connection;
    ///   ``TLSFileError``.
    public static func connect(
        host: String, port: Int, tls: TLS? = nil, options: ClientOptions = ClientOptions()
    ) async throws -> Client {
        try await connect(.name(host, port), tls, options)
    }

    /// Connects to an address. Errors as ``connect(host:port:tls:options:)``.
    public static func connect(
        to address: SocketAddress, tls: TLS? = nil, options: ClientOptions = ClientOptions()
    ) async throws -> Client {
        try await connect(.address(address), tls, options)
    }

    private enum Target: Sendable {
        case name(String, Int)
        case address(SocketAddress)

        var host: String {
            switch self {
            case .name(let host, _): host
            case .address(let address): address.ipAddress ?? ""
            }
        }

        var port: Int {
            switch self {
            case .name(_, let port): port
            case .address(let address): address.port ?? 0
            }
        }

        /// As it stands in a URL.
        var authority: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }
    }

    private static func connect(_ target: Target, _ tls: TLS?, _ options: ClientOptions) async throws -> Client {
        let encryption = try tls.map { (context: try $0.context(), host: $0.host ?? hostname(target.host)) }
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(options.connectTimeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        let initialize: @Sendable (any Channel) -> EventLoopFuture<(Client, EventLoopFuture<Void>)> = { channel in
            channel.eventLoop.makeCompletedFuture { try Self.client(channel, target, encryption, options) }
        }
        let (client, ready) =
            switch target {
            case .name(let host, let port):
                try await bootstrap.connect(host: host, port: port, channelInitializer: initialize)
            case .address(let address): try await bootstrap.connect(to: address, channelInitializer: initialize)
            }
        try await ready.get()
        return client
    }

    /// The client on a new connection, and what is fulfilled when that can be used.
    private static func client(
        _ channel: any Channel, _ target: Target, _ encryption: (context: NIOSSLContext, host: String?)?,
        _ options: ClientOptions
    ) throws -> (Client, EventLoopFuture<Void>) {
        let pipeline = channel.pipeline.syncOperations
        if let (context, host) = encryption {
            try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: host))
        }
        var connection = NIOHTTP2Handler.ConnectionConfiguration()
        connection.controlFrameRateLimit.maximumCount = Limits.controlFrames
        try pipeline.addHandler(NIOHTTP2Handler(mode: .client, connectionConfiguration: connection))
        let (goAways, continuation) = AsyncStream<(code: Int, text: String)>.makeStream(
            bufferingPolicy: .bufferingOldest(Limits.goAways))
        let handler = ClientHandler(options: options, goAways: continuation, eventLoop: channel.eventLoop)
        try pipeline.addHandler(handler)
        let client = Client(
            channel: channel, handler: handler, authority: target.authority,
            scheme: encryption == nil ? "http" : "https", options: options, goAways: goAways)
        return (client, handler.ready)
    }

    /// The name to verify; an address, which is none, is verified as the one that was connected to.
    private static func hostname(_ name: String) -> String? {
        (try? SocketAddress(ipAddress: name, port: 0)) == nil ? name : nil
    }

    /// Begins a call. Its messages are taken with ``ClientCall/next()``.
    ///
    /// - Parameters:
    ///   - path: As in `/package.Service/Method`.
    ///   - headers: Metadata. Those that begin with a colon replace the ones that a call has.
    ///   - timeout: How long the whole call may take, for the server to know and the client to keep.
    public func call(
        _ path: String, headers: HPACKHeaders = [:], timeout: TimeAmount? = nil
    ) async throws -> ClientCall {
        // Those that begin with a colon come first.
        var all: HPACKHeaders = [
            ":method": headers.first(name: ":method") ?? "POST", ":scheme": scheme, ":path": path,
            ":authority": authority, "te": "trailers",
            "content-type": headers.first(name: "content-type") ?? "application/grpc",
        ]
        if let timeout { all.add(name: "grpc-timeout", value: timeout.timeoutText) }
        for (name, value, _) in headers where !all.contains(name: name) { all.add(name: name, value: value) }
        let (frames, continuation) = AsyncStream<ClientCall.Frame>.makeStream()
        let id = try await onLoop { [all] in try $0.open(all, continuation, timeout) }
        return ClientCall(id: id, client: self, frames: frames)
    }

    /// One message each way.
    public func unary(
        _ path: String, _ message: [UInt8], headers: HPACKHeaders = [:], timeout: TimeAmount? = nil
    ) async throws -> Answer {
        let call = try await call(path, headers: headers, timeout: timeout)
        try await call.send(message, isLast: true)
        return try await call.answer()
    }

    /// Sends a PING.
    public func ping() async throws {
        try await onLoop { $0.write(.ping(HTTP2PingData(withInteger: 77), ack: false), on: .rootStream) }
    }

    /// Closes the connection; calls that are open fail.
    public func close() async throws {
        do {
            try await channel.close().get()
        } catch ChannelError.alreadyClosed {}
    }

    /// Returns when the connection is closed, by whomever.
    public func closed() async throws {
        try await channel.closeFuture.get()
    }

    func onLoop<R: Sendable>(_ body: @escaping @Sendable (ClientHandler) throws -> R) async throws -> R {
        try await channel.eventLoop.submit { try body(self.handler.value) }.get()
    }

    /// The same, later, from where nothing can wait.
    func afterwards(_ body: @escaping @Sendable (ClientHandler) -> Void) {
        channel.eventLoop.execute { body(self.handler.value) }
    }
}
