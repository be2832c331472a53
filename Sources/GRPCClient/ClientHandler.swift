import GRPCWire
import NIOCore
import NIOHPACK
import NIOHTTP2

/// The frames of a ``Client``.
final class ClientHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    private struct OpenCall {
        var frames: AsyncStream<ClientCall.Frame>.Continuation
        var hasHeaders = false
        var deadline: Scheduled<Void>?
    }

    private let options: ClientOptions
    private let goAways: AsyncStream<(code: Int, text: String)>.Continuation
    private let readiness: EventLoopPromise<Void>
    private var context: ChannelHandlerContext?
    private var calls: [HTTP2StreamID: OpenCall] = [:]
    private var nextID = HTTP2StreamID(1)
    private var isReady = false
    /// Why the connection is lost, or about to be.
    private var failure: (any Error)?
    private var isGoingAway = false
    private var timer: Scheduled<Void>?
    private var hasRead = false
    private var isAwaitingPing = false

    init(
        options: ClientOptions, goAways: AsyncStream<(code: Int, text: String)>.Continuation, eventLoop: any EventLoop
    ) {
        self.options = options
        self.goAways = goAways
        readiness = eventLoop.makePromise()
    }

    /// Fulfilled when the server has said that it speaks HTTP/2.
    var ready: EventLoopFuture<Void> { readiness.futureResult }

    // MARK: The connection

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { awaitSettings(context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        // Of a connection that never came to be.
        readiness.fail(failure ?? ChannelError.ioOnClosedChannel)
    }

    func channelActive(context: ChannelHandlerContext) {
        awaitSettings(context)
        context.fireChannelActive()
    }

    private func awaitSettings(_ context: ChannelHandlerContext) {
        timer?.cancel()
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: options.connectTimeout) {
            self.fail(
                Status(.unavailable, "the server does not answer; does it speak HTTP/2, and with or without TLS?"))
        }
    }

    private func becameReady(_ context: ChannelHandlerContext) {
        guard !isReady else { return }
        isReady = true
        timer?.cancel()
        readiness.succeed()
        keepAlive(context)
    }

    /// Asks again and again whether the server is there.
    private func keepAlive(_ context: ChannelHandlerContext) {
        guard let interval = options.keepaliveInterval else { return }
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: interval) {
            if self.isAwaitingPing, !self.hasRead {
                return self.fail(Status(.unavailable, "the server has not answered for \(interval)"))
            }
            self.isAwaitingPing = !self.hasRead && !self.calls.isEmpty
            self.hasRead = false
            if self.isAwaitingPing { self.write(.ping(HTTP2PingData(withInteger: 1), ack: false), on: .rootStream) }
            self.keepAlive(context)
        }
    }

    private func fail(_ error: any Error) {
        if failure == nil { failure = error }
        context?.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Errors of one stream end that, and the connection stays.
        if error is NIOHTTP2Errors.StreamClosed || error is NIOHTTP2Errors.NoSuchStream
            || error is NIOHTTP2Errors.StreamError
        {
            return
        }
        // Nothing more would come on it.
        fail(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        let error = failure ?? Status(.unavailable, "the server closed the connection")
        readiness.fail(error)
        let reason = (error as? Status)?.message ?? "\(error)"
        for id in Array(calls.keys) {
            calls[id]?.frames.yield(.failed(Status(.unavailable, "the connection was lost: \(reason)")))
            end(id)
        }
        goAways.finish()
    }

    // MARK: Calls

    func open(
        _ headers: HPACKHeaders, _ frames: AsyncStream<ClientCall.Frame>.Continuation, _ timeout: TimeAmount?
    ) throws -> HTTP2StreamID {
        guard let context, context.channel.isActive else {
            throw Status(.unavailable, "there is no connection any more")
        }
        guard !isGoingAway else { throw Status(.unavailable, "the server is shutting down") }
        let id = nextID
        nextID = nextID.advanced(by: 2)
        calls[id] = OpenCall(frames: frames)
        if let timeout {
            calls[id]!.deadline = context.eventLoop.assumeIsolated().scheduleTask(in: timeout) {
                self.calls[id]?.frames.yield(.failed(Status(.deadlineExceeded, "no answer within \(timeout)")))
                self.reset(id)
            }
        }
        writeAwaitingRoom(.headers(.init(headers: headers)), on: id).assumeIsolated().whenFailure { error in
            self.calls[id]?.frames.yield(.failed(Status(.unavailable, "the call could not be made: \(error)")))
            self.end(id)
        }
        return id
    }

    /// Ends a call from this side.
    func reset(_ id: HTTP2StreamID) {
        guard calls[id] != nil else { return }
        write(.rstStream(.cancel), on: id)
        end(id)
    }

    private func end(_ id: HTTP2StreamID) {
        guard let call = calls.removeValue(forKey: id) else { return }
        call.deadline?.cancel()
        call.frames.finish()
    }

    /// Lets the server send so much more.
    func credit(_ id: HTTP2StreamID, _ bytes: Int) {
        if calls[id] != nil { write(.windowUpdate(windowSizeIncrement: bytes), on: id) }
    }

    // MARK: Frames

    /// How much may still come on the connection, after what has come: also of calls that have ended here meanwhile, whose
    /// frames are not passed on.
    private func windowChanged(to window: Int) {
        guard window <= Limits.connectionWindowBytes / 2 else { return }
        write(.windowUpdate(windowSizeIncrement: Limits.connectionWindowBytes - window), on: .rootStream)
    }

    func write(_ payload: HTTP2Frame.FramePayload, on id: HTTP2StreamID) {
        context?.writeAndFlush(wrapOutboundOut(HTTP2Frame(streamID: id, payload: payload)), promise: nil)
    }

    /// Fulfilled when the windows of HTTP/2 and the network have taken it.
    @discardableResult
    func writeAwaitingRoom(_ payload: HTTP2Frame.FramePayload, on id: HTTP2StreamID) -> EventLoopFuture<Void> {
        guard let context else {
            return readiness.futureResult.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel)
        }
        return context.writeAndFlush(wrapOutboundOut(HTTP2Frame(streamID: id, payload: payload)))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        let id = frame.streamID
        hasRead = true
        switch frame.payload {
        case .settings: becameReady(context)
        case .headers(let headers): received(headers, id)
        case .data(let data):
            guard case .byteBuffer(let bytes) = data.data else { return }
            calls[id]?.frames.yield(.data(bytes, isLast: data.endStream))
        case .rstStream(let code): calls[id]?.frames.yield(.reset(code.networkCode))
        case .goAway(_, let code, let text):
            isGoingAway = true
            let text = text.map { String(buffer: $0) } ?? ""
            if code != .noError, failure == nil {
                failure = Status(.unavailable, "the server gave it up with code \(code.networkCode): \(text)")
            }
            goAways.yield((code.networkCode, text))
        default: break
        }
    }

    /// Passes on those that begin and those that end an answer, and no others, of which there could be any number.
    private func received(_ headers: HTTP2Frame.FramePayload.Headers, _ id: HTTP2StreamID) {
        guard let call = calls[id], headers.endStream || !call.hasHeaders else { return }
        calls[id]!.hasHeaders = true
        call.frames.yield(.headers(headers.headers, isLast: headers.endStream))
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case let event as NIOHTTP2WindowUpdatedEvent where event.streamID == .rootStream:
            if let window = event.inboundWindowSize { windowChanged(to: window) }
        case let event as StreamClosedEvent: end(event.streamID)
        default: break
        }
        context.fireUserInboundEventTriggered(event)
    }
}
