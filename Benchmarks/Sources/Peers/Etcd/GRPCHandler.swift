import NIOCore
import NIOHPACK
import NIOHTTP2

/// Calls to be made on one connection.
struct GRPCBatch: OutboxBatch {
    struct Call {
        var headers: HPACKHeaders
        var message: ByteBuffer
        var continuation: CheckedContinuation<ByteBuffer, any Error>
    }

    var calls: [Call] = []
    /// Requests for the one stream of watches.
    var watchRequests: [ByteBuffer] = []
    /// By ID; nil ends it.
    var watches: [(id: Int64, watch: EtcdWatchSink?)] = []
}

/// gRPC over HTTP/2, with no more than is needed here: calls of one request and one response, any number at once, and
/// one stream of watches for the whole connection, as etcd's own client has.
///
/// It writes frames to the connection itself. A channel for each stream, which the library can make, would cost more
/// than all the rest of a call.
final class GRPCHandler: ChannelInboundHandler, LinkHandler {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    private struct Call {
        var continuation: CheckedContinuation<ByteBuffer, any Error>
        var received = ByteBuffer()
    }

    private let outbox: Outbox<GRPCBatch>
    private var context: ChannelHandlerContext?
    private var calls: [HTTP2StreamID: Call] = [:]
    private var watches = EtcdWatchStream()
    private var watchStream: HTTP2StreamID?
    private var watchWindow = ReceiveWindow()
    private var window = ReceiveWindow()
    private var nextStream: Int32 = 1

    init(outbox: Outbox<GRPCBatch>) { self.outbox = outbox }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) {
        write(.rootStream, .windowUpdate(windowSizeIncrement: ReceiveWindow.bytes - ReceiveWindow.initialBytes))
        context.flush()
        context.fireChannelActive()
    }

    func send(_ batch: GRPCBatch) {
        for call in batch.calls {
            let stream = open(call.headers)
            calls[stream] = Call(continuation: call.continuation)
            write(stream, .data(.init(data: .byteBuffer(.grpc(call.message)), endStream: true)))
        }
        for (id, watch) in batch.watches { watches[id] = watch }
        for request in batch.watchRequests {
            let stream = watchStream ?? open(EtcdConnection.watchHeaders)
            watchStream = stream
            write(stream, .data(.init(data: .byteBuffer(.grpc(request)))))
        }
        guard let context else { return fail(.closed) }
        context.flush()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        do {
            switch frame.payload {
            case .data(let data): try receive(data, frame.streamID)
            case .headers(let headers) where headers.endStream: try end(frame.streamID, headers.headers)
            case .rstStream(let code): try end(frame.streamID, ["grpc-message": "reset: \(code)"])
            case .goAway: throw PeerError.closed
            default: break
            }
        } catch {
            errorCaught(context: context, error: error)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) { context.flush() }
    func channelInactive(context: ChannelHandlerContext) { fail(.closed) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(PeerError("etcd: \(error)"))
        context.close(promise: nil)
    }

    private func receive(_ data: HTTP2Frame.FramePayload.Data, _ stream: HTTP2StreamID) throws {
        guard case .byteBuffer(let bytes) = data.data else { return }
        if let increment = window.receive(bytes.readableBytes) {
            write(.rootStream, .windowUpdate(windowSizeIncrement: increment))
        }
        guard stream == watchStream else {
            calls[stream]?.received.receive(bytes)
            return
        }
        if let increment = watchWindow.receive(bytes.readableBytes) {
            write(stream, .windowUpdate(windowSizeIncrement: increment))
        }
        try watches.receive(bytes)
    }

    /// The trailers of a stream say how the call went.
    private func end(_ stream: HTTP2StreamID, _ trailers: HPACKHeaders) throws {
        let failure = PeerError("etcd: \(trailers.first(name: "grpc-message") ?? "no message")")
        if stream == watchStream { throw failure }
        guard var call = calls.removeValue(forKey: stream) else { return }
        do {
            guard trailers.first(name: "grpc-status") == "0", let message = try call.received.readGRPCMessage() else {
                throw failure
            }
            call.continuation.resume(returning: message)
        } catch {
            call.continuation.resume(throwing: error)
        }
    }

    private func open(_ headers: HPACKHeaders) -> HTTP2StreamID {
        let stream = HTTP2StreamID(Int(nextStream))
        nextStream += 2
        write(stream, .headers(.init(headers: headers)))
        return stream
    }

    private func write(_ stream: HTTP2StreamID, _ payload: HTTP2Frame.FramePayload) {
        context?.write(wrapOutboundOut(HTTP2Frame(streamID: stream, payload: payload)), promise: nil)
    }

    private func fail(_ failure: PeerError) {
        let unsent = outbox.close(failure)
        for call in calls.values { call.continuation.resume(throwing: failure) }
        for call in unsent.calls { call.continuation.resume(throwing: failure) }
        calls = [:]
        for (id, watch) in unsent.watches { watches[id] = watch }
        watches.fail(failure)
    }
}
