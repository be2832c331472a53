public import Logging
public import NIOCore
import NIOPosix
public import ServiceLifecycle

/// A server of gRPC over HTTP/2, which knows nothing of what it serves.
///
/// ```swift
/// let server = try await Server.bind(
///     host: "127.0.0.1", port: 0, methods: [.unary("/example.Echo/Say") { request, _ in Array(buffer: request) }],
///     logger: logger)
/// print("listening on", server.address)
/// try await server.run()
/// ```
///
/// Every call is a task of its own, a child of ``run()``. What a client can make the server hold is bounded by
/// ``ServerOptions``: connections × streams × (a window of 64 KiB, as much unread, one message of the largest size).
public final class Server: Service {
    private let state: ServerState
    private let channel: any Channel

    private init(state: ServerState, channel: any Channel, address: SocketAddress) {
        self.state = state
        self.channel = channel
        self.address = address
    }

    /// Listens at once; what connects is served as soon as ``run()`` is called, which it must be.
    ///
    /// - Parameter port: 0 for one that is free.
    /// - Throws: A ``TLSError`` if the files of ``ServerOptions/tls`` cannot be used, an error of the system if it cannot
    ///   listen there.
    public static func bind(
        host: String, port: Int, methods: [Method], options: ServerOptions = ServerOptions(), logger: Logger
    ) async throws -> Server {
        let state = try await ServerState(options: options, methods: methods, logger: logger)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: Limits.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptRetry(logger: logger))
                }
            }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try state.accepted(channel) }
            }
            .bind(host: host, port: port).get()
        channel.closeFuture.whenComplete { _ in state.stoppedListening() }
        guard let address = channel.localAddress else { throw ChannelError.ioOnClosedChannel }
        return Server(state: state, channel: channel, address: address)
    }

    /// Where it listens.
    public let address: SocketAddress

    /// What was counted so far.
    public var statistics: ServerStatistics { state.statistics }

    /// Serves until the task is cancelled, or a graceful shutdown is triggered: then no more calls are taken, lasting
    /// ones are ended, and the others may go on for ``ServerOptions/shutdownGrace``.
    public func run() async throws {
        await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                await serve()
            } onGracefulShutdown: {
                self.beginShutdown()
            }
        } onCancel: {
            channel.close(promise: nil)
            state.close(state.shutdownStatus)
        }
    }

    /// Reads the files of ``ServerOptions/tls`` again, soon, as is done by itself when they have changed. What is wrong with
    /// them is logged, and then the certificates that are in use stay. Connections go on with what they began with.
    public func reloadCertificates() {
        state.certificates?.reload()
    }

    private func serve() async {
        await withDiscardingTaskGroup { group in
            if let certificates = state.certificates { group.addTask { await certificates.run() } }
            for await connection in state.connections {
                group.addTask { await connection.run() }
            }
        }
    }

    private func beginShutdown() {
        state.logger.info("shutting down")
        channel.close(promise: nil)
        state.beginShutdown()
        channel.eventLoop.scheduleTask(in: state.options.shutdownGrace) { [state] in
            state.close(state.shutdownStatus)
        }
    }
}
