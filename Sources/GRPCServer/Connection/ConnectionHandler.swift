import Logging
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOSSL
import NIOTLS

/// The frames of one connection: cuts them into calls and messages, and turns answers into frames.
///
/// HTTP/2 itself is swift-nio-http2's: HPACK, the states of streams, the windows for what is sent (a DATA frame that does
/// not fit waits in its handler, and its promise says when it has left). Ours are the windows for what is received: that
/// of the connection is refilled as bytes arrive, that of a stream as its handler reads.
final class ConnectionHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    let server: ServerState
    let gate = FlushGate()
    let late = LateData()
    let sent: SentFrames
    /// Refers to this handler; until the channel is closed.
    private(set) var connection: Connection?
    private(set) var context: ChannelHandlerContext?
    private(set) var peer: Peer
    var streams: [HTTP2StreamID: StreamState] = [:]
    var lastStream = HTTP2StreamID.rootStream
    var shutdown = Shutdown.no
    /// Whether the client was told to go: nothing that it sends counts any more.
    var isDismissed = false
    var pings: PingGuard
    /// Bytes of messages that have not left.
    var unsent = 0
    private let keepalive: Keepalive
    let calls = CallCounter()
    private(set) var idle: IdleTimer?
    private var hasHandshake = false
    private var handshakeTimeout: Scheduled<Void>?

    enum Shutdown {
        case no
        /// GOAWAY was sent; the answer to the ping behind it says that no more streams will come.
        case announced
        /// The streams that are open are the last.
        case final
    }

    init(server: ServerState, channel: any Channel) {
        self.server = server
        sent = SentFrames(late)
        pings = PingGuard(minimumInterval: server.options.minimumPingInterval)
        keepalive = Keepalive(options: server.options)
        idle = server.options.idleTimeout.map { IdleTimer(timeout: $0) }
        peer = Peer(address: channel.remoteAddress)
        connection = Connection(channel: channel, handler: self)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        connection = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        handshakeTimeout = context.eventLoop.assumeIsolated().scheduleTask(in: server.options.handshakeTimeout) {
            if !self.hasHandshake { self.context?.close(promise: nil) }
        }
        context.fireChannelActive()
    }

    /// The client speaks HTTP/2.
    func beginHTTP2() {
        guard let context, context.channel.isActive else { return }
        let increment = Limits.connectionWindowBytes - HTTP2.initialConnectionWindow
        write(.windowUpdate(windowSizeIncrement: increment), on: .rootStream)
        context.flush()
        keepalive.start(on: context.eventLoop) { [weak self] in self?.keepaliveActs($0) }
        idle?.start(on: context.eventLoop) { [weak self] in
            self?.streams.isEmpty ?? false
        } act: { [weak self] in
            self?.beginShutdown()
            self?.context?.flush()
        }
    }

    /// The client speaks something else: the connection is none of this handler's business any more.
    func withdraw() {
        end()
        context?.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    private func end() {
        keepalive.stop()
        idle?.stop()
        handshakeTimeout?.cancel()
        for id in Array(streams.keys) { streamClosed(id, Status(.unavailable, "the connection was closed")) }
        if let connection { server.closed(connection) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        log(error)
        // An error of one stream has reset that already. After one of the connection NIO reads nothing any more.
        guard error is any NIOHTTP2Error, !sent.hasFatalGoAway else {
            context.close(promise: nil)
            return
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isDismissed else { return }
        let frame = unwrapInboundIn(data)
        keepalive.heard()
        switch frame.payload {
        case .headers(let headers): receive(headers, on: frame.streamID)
        case .data(let data): receive(data, on: frame.streamID)
        case .ping(let data, let isAnswer): receive(ping: data, isAnswer: isAnswer)
        case .settings: handshakeEnded()
        default: break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.flush()
        context.fireChannelReadComplete()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case let event as NIOHTTP2WindowUpdatedEvent:
            if let window = event.inboundWindowSize { windowChanged(of: event.streamID, to: window) }
        case TLSUserEvent.handshakeCompleted: encrypted()
        case let event as StreamClosedEvent:
            streamClosed(event.streamID, Status(.cancelled, "the client cancelled the call"))
        default: break
        }
        context.fireUserInboundEventTriggered(event)
    }

    /// TLS is set up: who is there is known.
    private func encrypted() {
        let tls = try? context?.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self)
        peer.commonName = tls?.peerCertificate?.commonName
    }

    private func handshakeEnded() {
        guard !hasHandshake else { return }
        hasHandshake = true
        handshakeTimeout?.cancel()
        if let connection { server.handshakeEnded(connection) }
    }

    private func log(_ error: any Error) {
        var metadata = peer.metadata
        metadata["error"] = "\(error)"
        if case NIOSSLError.handshakeFailed = error {
            server.logger.info("a TLS handshake failed", metadata: metadata)
        } else {
            server.logger.debug("a client broke the protocol", metadata: metadata)
        }
    }

    /// Writes a frame, to be flushed later. Only what NIO writes by itself waits for an answer: a window that is not refilled
    /// stops the client.
    func write(
        _ payload: HTTP2Frame.FramePayload, on stream: HTTP2StreamID, promise: EventLoopPromise<Void>? = nil
    ) {
        guard let context else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        context.write(wrapOutboundOut(HTTP2Frame(streamID: stream, payload: payload)), promise: promise)
    }

    private func streamClosed(_ id: HTTP2StreamID, _ status: Status) {
        guard let stream = streams.removeValue(forKey: id) else { return }
        stream.deadline?.cancel()
        idle?.used()
        _ = stream.call?.abort(status)
        closeIfDone()
    }

    private func keepaliveActs(_ action: Keepalive.Action) {
        switch action {
        case .ping:
            write(.ping(HTTP2.keepalivePing, ack: false), on: .rootStream)
            context?.flush()
        case .close:
            server.logger.debug("a client does not answer; closing its connection")
            context?.close(promise: nil)
        }
    }
}

/// Constants of the protocol.
enum HTTP2 {
    /// What a client sends first.
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    /// Of the head of each frame.
    static let headBytes = 9
    /// Types of frames.
    static let (dataType, resetType, windowUpdateType): (UInt8, UInt8, UInt8) = (0, 3, 8)
    /// Of every connection, until it is enlarged.
    static let initialConnectionWindow = 65_535
    /// Of a PING frame: all of it, its type, and the flag of those that answer.
    static let (pingFrameBytes, pingType, acknowledgement): (Int, UInt8, UInt8) = (17, 6, 1)
    /// What the pings carry, to be told apart.
    static let keepalivePing = HTTP2PingData(withInteger: 1)
    static let shutdownPing = HTTP2PingData(withInteger: 2)
}
