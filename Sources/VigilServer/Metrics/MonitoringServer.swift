import NIOCore
import NIOPosix
import ServiceLifecycle

/// A small server of HTTP/1.1, in clear text, for those who look after this process.
final class MonitoringServer: Service {
    private let channel: any Channel

    /// Listens at once. `serve` is called with each connection, on its event loop.
    init(host: String, port: Int, serve: @escaping @Sendable (any Channel) throws -> Void) async throws {
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try serve(channel) }
            }
            .bind(host: host, port: port).get()
    }

    /// The port on which it listens.
    var port: Int { channel.localAddress?.port ?? 0 }

    /// Answers until its task is cancelled; in a graceful shutdown too, so that it can be seen from outside.
    func run() async throws {
        try await withTaskCancellationHandler {
            try await channel.closeFuture.get()
        } onCancel: {
            channel.close(promise: nil)
        }
    }
}
