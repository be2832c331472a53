import NIOCore
import NIOPosix

/// The handler that owns the state of a connection. Everything of it is called on its event loop.
protocol LinkHandler: ChannelHandler, SendableMetatype {
    associatedtype Batch: OutboxBatch
    init(outbox: Outbox<Batch>)
    /// Writes all of it, and flushes once.
    func send(_ batch: Batch)
}

/// A connection to a server on loopback that any number of tasks send through.
final class Link<Handler: LinkHandler>: Sendable {
    private let channel: any Channel
    private let handler: NIOLoopBound<Handler>
    private let outbox: Outbox<Handler.Batch>

    /// - Parameter beneath: Adds the handlers between the socket and the handler that owns the state.
    init(port: Int, beneath: @escaping @Sendable (any Channel) throws -> Void = { _ in }) async throws {
        let outbox = Outbox<Handler.Batch>()
        (channel, handler) = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .connect(host: loopback, port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try beneath(channel)
                    let handler = Handler(outbox: outbox)
                    try channel.pipeline.syncOperations.addHandler(handler)
                    return (channel, NIOLoopBound(handler, eventLoop: channel.eventLoop))
                }
            }
        self.outbox = outbox
    }

    func submit(_ change: (inout Handler.Batch) -> Void) throws {
        guard try outbox.add(change) else { return }
        channel.eventLoop.execute { [handler, outbox] in handler.value.send(outbox.take()) }
    }

    /// Submits what a continuation waits for, and waits.
    func request<Answer: Sendable>(
        _ change: (inout Handler.Batch, CheckedContinuation<Answer, any Error>) -> Void
    ) async throws -> Answer {
        try await withCheckedThrowingContinuation { continuation in
            do {
                try submit { change(&$0, continuation) }
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    /// Leaves in the socket what comes.
    func stopReading() async throws {
        try await channel.setOption(.autoRead, value: false).get()
    }

    func close() async {
        try? await channel.close().get()
    }
}
