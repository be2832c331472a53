import Logging
import NIOCore
import NIOHTTP2
import NIOSSL
import Threads

/// What the connections of one server share.
final class ServerState: Sendable {
    let options: ServerOptions
    let methods: [String: Method]
    let logger: Logger
    let observer: CallObserver
    let certificates: ServerCertificates?
    let shutdownStatus = Status(.unavailable, "the server is shutting down")
    let connections: AsyncStream<Connection>
    private let continuation: AsyncStream<Connection>.Continuation
    let calls = CallCounter()
    /// Pages that are being made.
    let pages = CallCounter()
    private let open = Lock(Admission())

    init(options: ServerOptions, methods: [Method], logger: Logger) async throws {
        certificates = if let tls = options.tls { try await ServerCertificates(tls, logger: logger) } else { nil }
        var options = options
        let affordable = max(1, DescriptorLimit.current - Limits.reservedDescriptors)
        if options.maximumConnections > affordable {
            logger.warning(
                "\(affordable) connections are taken instead of \(options.maximumConnections): the process may have only \(DescriptorLimit.current) files open (ulimit -n)"
            )
            options.maximumConnections = affordable
        }
        self.options = options
        self.methods = Dictionary(methods.map { ($0.path, $0) }) { _, last in last }
        self.logger = logger
        observer = CallObserver(logger: logger, slowCall: options.slowCall)
        // Bounded by the number of connections.
        (connections, continuation) = AsyncStream.makeStream()
    }

    /// Prepares an accepted connection; on its event loop.
    func accepted(_ channel: any Channel) throws {
        let handler = ConnectionHandler(server: self, channel: channel)
        if let certificates {
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: certificates.context))
        }
        try channel.pipeline.syncOperations.addHandlers([ProtocolChoice(server: self, handler: handler), handler])
        guard let connection = handler.connection else { return }
        switch open.withLock({ $0.admit(connection, options, at: .now()) }) {
        case .admitted(let evicted):
            evicted?.channel.close(promise: nil)
            continuation.yield(connection)
        case .refused(let reason):
            if let reason { logger.warning("\(reason)") }
            connection.closed()
            channel.close(promise: nil)
        }
    }

    var statistics: ServerStatistics {
        let (connections, refused) = open.withLock { ($0.connections.count, $0.refusedInAll) }
        return ServerStatistics(
            connections: connections, refusedConnections: refused,
            calls: methods.values.map { $0.counters.statistics(of: $0) }.sorted { $0.path < $1.path })
    }

    func handshakeEnded(_ connection: Connection) {
        open.withLock { $0.handshakeEnded(connection) }
    }

    func http2Handler(_ sent: SentFrames) -> NIOHTTP2Handler {
        var connection = NIOHTTP2Handler.ConnectionConfiguration()
        connection.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: options.maximumStreams),
            HTTP2Setting(parameter: .initialWindowSize, value: Limits.streamWindowBytes),
            HTTP2Setting(parameter: .maxFrameSize, value: Limits.frameBytes),
            HTTP2Setting(parameter: .maxHeaderListSize, value: options.maximumHeaderBytes),
        ]
        connection.maximumSequentialContinuationFrames = max(5, options.maximumHeaderBytes / Limits.frameBytes)
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
            mode: .server, frameDelegate: sent, connectionConfiguration: connection, streamConfiguration: stream)
    }

    func closed(_ connection: Connection) {
        connection.closed()
        open.withLock { $0.closed(connection) }
    }

    /// No more connections come.
    func stoppedListening() {
        continuation.finish()
        certificates?.stop()
    }

    func beginShutdown() {
        for connection in open.withLock({ $0.shutDown() }) { connection.enqueue(.shutDown) }
    }

    func close(_ status: Status) {
        for connection in open.withLock({ $0.shutDown() }) { connection.enqueue(.close(status)) }
    }
}
