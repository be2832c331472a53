import Logging
import NIOCore
import NIOTLS

/// Finds out what a client speaks, and makes the channel's pipeline for that: HTTP/2, or what
/// ``ServerOptions/otherwise`` serves. Then it leaves.
///
/// In clear text the first bytes tell, since all of HTTP/2 begins with the same (RFC 9113, 3.4); with TLS what was agreed on
/// by ALPN does. Whoever takes too long to say is closed by ``ConnectionHandler``, which is there from the beginning.
final class ProtocolChoice: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let server: ServerState
    private let handler: ConnectionHandler
    private var isEncrypted: Bool { server.certificates != nil }
    private var state = State.undecided
    /// What came before the pipeline was there.
    private var first = ByteBuffer()

    private enum State {
        case undecided
        /// The pipeline is being made. Its first frames are written meanwhile, and if that fails all that has come is read.
        case decided
        /// What came first was passed on.
        case done
    }

    init(server: ServerState, handler: ConnectionHandler) {
        self.server = server
        self.handler = handler
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard state != .done else { return context.fireChannelRead(data) }
        first.writeImmutableBuffer(unwrapInboundIn(data))
        // With TLS it is known before anything can come.
        guard state == .undecided, !isEncrypted else { return }
        let begin = first.readableBytesView.prefix(HTTP2.preface.count)
        guard begin.elementsEqual(HTTP2.preface.prefix(begin.count)) else { return serveOtherwise(context) }
        if begin.count == HTTP2.preface.count { serveHTTP2(context) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // First, since this handler leaves.
        context.fireUserInboundEventTriggered(event)
        if case TLSUserEvent.handshakeCompleted(let negotiated) = event {
            if negotiated == TLSContext.applicationProtocol { serveHTTP2(context) } else { serveOtherwise(context) }
        }
    }

    private func serveHTTP2(_ context: ChannelHandlerContext) {
        state = .decided
        do {
            try context.pipeline.syncOperations.addHandlers(
                [handler.gate, handler.late, server.http2Handler(handler.sent)], position: .after(self))
        } catch {
            context.fireErrorCaught(error)
            return
        }
        handler.beginHTTP2()
        passOn(context)
    }

    private func serveOtherwise(_ context: ChannelHandlerContext) {
        state = .decided
        guard let serve = server.options.otherwise else {
            server.logger.info(
                "a client does not speak HTTP/2; closing its connection", metadata: handler.peer.metadata)
            context.close(promise: nil)
            return
        }
        handler.withdraw()
        do {
            try serve(context.channel) { [server] in server.statistics }
        } catch {
            context.close(promise: nil)
            return
        }
        passOn(context)
    }

    private func passOn(_ context: ChannelHandlerContext) {
        state = .done
        if first.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(first)) }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}
