import Logging
import NIOCore
import NIOHTTP1
import NIOPosix

/// Answers one `GET` or `HEAD` of HTTP/1.1 on a connection, without keys or values, and closes it. All of it has to be over
/// soon, however slowly a client sends or reads.
final class PageHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// What is asked for.
    struct Request: Sendable {
        var path: String
        /// The parameters of the query, as they came.
        var parameters: [Substring]
    }

    struct Answer: Sendable {
        var status: HTTPResponseStatus
        var type = "text/plain; charset=utf-8"
        var body: String
    }

    /// Says what the answer is; it may block.
    typealias Responder = @Sendable (Request) throws -> Answer

    private let respond: Responder
    private let logger: Logger
    private var isAsked = false

    private init(_ respond: @escaping Responder, _ logger: Logger) {
        self.respond = respond
        self.logger = logger
    }

    /// Serves `channel`, on whose event loop this is called; closes it if `connections` are too many.
    static func serve(
        _ channel: any Channel, counting connections: PageConnections, logger: Logger, respond: @escaping Responder
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
        try channel.pipeline.syncOperations.addHandler(PageHandler(respond, logger))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // What else comes is not read: one answer to a connection.
        guard case .head(let head) = unwrapInboundIn(data), !isAsked else { return }
        isAsked = true
        guard head.method == .GET || head.method == .HEAD else {
            return answer(
                Answer(status: .methodNotAllowed, body: "only GET and HEAD are answered here\n"), to: head, context)
        }
        let request = Request(head)
        let respond = respond
        NIOThreadPool.singleton.runIfActive(eventLoop: context.eventLoop) { try respond(request) }
            .assumeIsolated().whenComplete { result in
                self.answer(self.answer(of: result, to: request), to: head, context)
            }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func answer(of result: Result<Answer, any Error>, to request: Request) -> Answer {
        do {
            return try result.get()
        } catch {
            logger.error("a request for metrics failed", metadata: ["path": "\(request.path)", "error": "\(error)"])
            return Answer(status: .internalServerError, body: "\(error)\n")
        }
    }

    private func answer(_ answer: Answer, to head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let headers: HTTPHeaders = [
            "content-type": answer.type, "connection": "close", "content-length": String(answer.body.utf8.count),
            "x-content-type-options": "nosniff",
        ]
        let response = HTTPResponseHead(version: .http1_1, status: answer.status, headers: headers)
        context.write(wrapOutboundOut(.head(response)), promise: nil)
        if head.method != .HEAD {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: answer.body)))), promise: nil)
        }
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
    }
}

extension PageHandler.Request {
    fileprivate init(_ head: HTTPRequestHead) {
        let parts = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = String(parts[0])
        parameters = parts.count > 1 ? parts[1].split(separator: "&") : []
    }
}
