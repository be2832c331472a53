import Logging
import NIOCore
import NIOHTTP2
import Threads

/// What the connections of one server share.
final class ServerState: Sendable {
    let options: ServerOptions
    let methods: [String: Method]
    let logger: Logger
    let shutdownStatus = Status(.unavailable, "the server is shutting down")
    let connections: AsyncStream<Connection>
    private let continuation: AsyncStream<Connection>.Continuation
    private let open = Lock(Open())

    private struct Open {
        var connections: [ObjectIdentifier: Connection] = [:]
        var isShuttingDown = false
    }

    init(options: ServerOptions, methods: [Method], logger: Logger) {
        self.options = options
        self.methods = Dictionary(methods.map { ($0.path, $0) }) { _, last in last }
        self.logger = logger
        // Bounded by the number of connections.
        (connections, continuation) = AsyncStream.makeStream()
    }

    /// Prepares an accepted connection; on its event loop.
    func accepted(_ channel: any Channel) throws {
        let goAway = SentGoAway()
        let handler = ConnectionHandler(server: self, channel: channel, goAway: goAway)
        try channel.pipeline.syncOperations.addHandler(http2Handler(goAway))
        try channel.pipeline.syncOperations.addHandler(handler)
        guard let connection = handler.connection else { return }
        let isRefused = open.withLock { open in
            if open.isShuttingDown || open.connections.count >= options.maximumConnections { return true }
            open.connections[ObjectIdentifier(connection)] = connection
            return false
        }
        if isRefused {
            logger.warning("a connection is refused: \(options.maximumConnections) are open, the limit")
            connection.closed()
            channel.close(promise: nil)
            return
        }
        continuation.yield(connection)
    }

    private func http2Handler(_ goAway: SentGoAway) -> NIOHTTP2Handler {
        var connection = NIOHTTP2Handler.ConnectionConfiguration()
        connection.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: options.maximumStreams),
            HTTP2Setting(parameter: .initialWindowSize, value: Limits.streamWindowBytes),
            HTTP2Setting(parameter: .maxFrameSize, value: Limits.frameBytes),
            HTTP2Setting(parameter: .maxHeaderListSize, value: Limits.headerListBytes),
        ]
        connection.maximumBufferedControlFrames = Limits.bufferedControlFrames
        connection.controlFrameRateLimit.maximumCount = Limits.controlFrames
        connection.controlFrameRateLimit.windowLength = .seconds(Limits.floodSeconds)
        // gRPC's messages have no content length.
        connection.contentLengthValidation = .disabled
        var stream = NIOHTTP2Handler.StreamConfiguration()
        stream.streamResetFrameRateLimit.maximumCount = Limits.resets
        stream.streamResetFrameRateLimit.windowLength = .seconds(Limits.floodSeconds)
        stream.streamErrorRateLimit.maximumCount = Limits.streamErrors
        stream.streamErrorRateLimit.windowLength = .seconds(Limits.floodSeconds)
        return NIOHTTP2Handler(
            mode: .server, frameDelegate: goAway, connectionConfiguration: connection, streamConfiguration: stream)
    }

    func closed(_ connection: Connection) {
        connection.closed()
        open.withLock { _ = $0.connections.removeValue(forKey: ObjectIdentifier(connection)) }
    }

    /// No more connections come.
    func stoppedListening() {
        continuation.finish()
    }

    func beginShutdown() {
        let connections = open.withLock { open in
            open.isShuttingDown = true
            return Array(open.connections.values)
        }
        for connection in connections { connection.enqueue(.shutDown) }
    }

    func close(_ status: Status) {
        let connections = open.withLock { open in
            open.isShuttingDown = true
            return Array(open.connections.values)
        }
        for connection in connections { connection.enqueue(.close(status)) }
    }
}
