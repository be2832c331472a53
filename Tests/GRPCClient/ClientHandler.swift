import NIOCore
import NIOHPACK
import NIOHTTP2

/// The frames of a ``Client``.
final class ClientHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    private var context: ChannelHandlerContext?
    private var calls: [HTTP2StreamID: AsyncStream<ClientCall.Frame>.Continuation] = [:]
    private var nextID = HTTP2StreamID(1)
    private let goAways: AsyncStream<(code: Int, text: String)>.Continuation

    init(goAways: AsyncStream<(code: Int, text: String)>.Continuation) {
        self.goAways = goAways
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelInactive(context: ChannelHandlerContext) {
        for continuation in calls.values { continuation.finish() }
        calls = [:]
        goAways.finish()
    }

    func open(_ headers: HPACKHeaders, _ call: AsyncStream<ClientCall.Frame>.Continuation) throws -> HTTP2StreamID {
        guard context != nil else { throw ChannelError.ioOnClosedChannel }
        let id = nextID
        nextID = nextID.advanced(by: 2)
        calls[id] = call
        write(.headers(.init(headers: headers)), on: id)
        return id
    }

    func write(_ payload: HTTP2Frame.FramePayload, on id: HTTP2StreamID) {
        context?.writeAndFlush(wrapOutboundOut(HTTP2Frame(streamID: id, payload: payload)), promise: nil)
    }

    func writeAwaitingRoom(_ payload: HTTP2Frame.FramePayload, on id: HTTP2StreamID) -> EventLoopFuture<Void> {
        context!.writeAndFlush(wrapOutboundOut(HTTP2Frame(streamID: id, payload: payload)))
    }

    /// Lets the server send so much more.
    func credit(_ id: HTTP2StreamID, _ bytes: Int) {
        if calls[id] != nil { write(.windowUpdate(windowSizeIncrement: bytes), on: id) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        let call = calls[frame.streamID]
        switch frame.payload {
        case .headers(let headers):
            call?.yield(.headers(headers.headers, isLast: headers.endStream))
        case .data(let data):
            guard case .byteBuffer(let bytes) = data.data else { return }
            if bytes.readableBytes > 0 {
                write(.windowUpdate(windowSizeIncrement: bytes.readableBytes), on: .rootStream)
            }
            call?.yield(.data(bytes, isLast: data.endStream))
        case .rstStream(let code): call?.yield(.reset(code.networkCode))
        case .goAway(_, let code, let text):
            goAways.yield((code.networkCode, text.map { String(buffer: $0) } ?? ""))
        default: break
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? StreamClosedEvent { calls.removeValue(forKey: event.streamID)?.finish() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}
