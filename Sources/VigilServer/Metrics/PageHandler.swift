import GRPCServer
import NIOCore
import NIOHTTP1
import NIOPosix

/// Answers one `GET` or `HEAD` of HTTP/1.1 on a connection, without keys or values, and closes it. All of it has to be over
/// soon, however slowly a client sends or reads.
final class PageHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// Makes the page; it may block.
    typealias Responder = @Sendable (PageRequest) -> Page

    private let respond: Responder
    private var isAsked = false

    private init(_ respond: @escaping Responder) {
        self.respond = respond
    }

    /// Serves `channel`, on whose event loop this is called; closes it if `connections` are too many.
    static func serve(
        _ channel: any Channel, counting connections: PageConnections, respond: @escaping Responder
    ) throws {
        guard connections.add() else {
            channel.close(promise: nil)
            return
        }
        let timeout = channel.eventLoop.scheduleTask(in: Limits.monitoringTime) { channel.close(promise: nil) }
        channel.closeFuture.whenComplete { _ in
            timeout.cancel()
            connections.remove()
        }
        try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
        try channel.pipeline.syncOperations.addHandler(PageHandler(respond))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // What else comes is not read: one answer to a connection.
        guard case .head(let head) = unwrapInboundIn(data), !isAsked else { return }
        isAsked = true
        guard let request = PageRequest(method: head.method.rawValue, target: head.uri) else {
            return answer(Page(status: 405, body: "only GET and HEAD are answered here\n"), context)
        }
        let respond = respond
        NIOThreadPool.singleton.runIfActive(eventLoop: context.eventLoop) { respond(request) }
            .assumeIsolated().whenComplete { result in
                // It fails only as the process ends.
                guard let page = try? result.get() else { return context.close(promise: nil) }
                self.answer(page, isHead: request.isHead, context)
            }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func answer(_ page: Page, isHead: Bool = false, _ context: ChannelHandlerContext) {
        let headers = HTTPHeaders(page.headers + [("connection", "close")])
        let response = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: page.status), headers: headers)
        context.write(wrapOutboundOut(.head(response)), promise: nil)
        if !isHead { context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: page.body)))), promise: nil) }
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
    }
}
