import NIOCore

/// Holds back acknowledgements of pings for a while, so that they leave with what is written next.
///
/// Clients ping to measure the connection: some with each request, some with each message that they get. Acknowledging
/// such a ping by itself would cost as much as an answer: a system call, and waking the client.
///
/// It stands below HTTP/2, whose handler flushes its acknowledgements by itself. Each frame begins a buffer of its own.
final class FlushGate: ChannelOutboundHandler {
    typealias OutboundIn = IOData

    private var context: ChannelHandlerContext?
    /// Whether what was written since the last flush has to leave: something else than acknowledgements.
    private var isUrgent = false
    private var holdsAcknowledgements = false
    private var timer: Scheduled<Void>?

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        self.context = nil
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if Self.isAcknowledgement(unwrapOutboundIn(data)) { holdsAcknowledgements = true } else { isUrgent = true }
        context.write(data, promise: promise)
    }

    func flush(context: ChannelHandlerContext) {
        guard holdsAcknowledgements, !isUrgent else { return flushAll() }
        // It is not cancelled when they leave, since to set a timer takes a system call: one serves all of its time.
        guard timer == nil else { return }
        let time = TimeAmount.milliseconds(Limits.acknowledgementMilliseconds)
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: time) {
            self.timer = nil
            if self.holdsAcknowledgements { self.flushAll() }
        }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        flushAll()
        context.close(mode: mode, promise: promise)
    }

    private func flushAll() {
        (isUrgent, holdsAcknowledgements) = (false, false)
        context?.flush()
    }

    /// Whether `data` is a PING frame with the flag ACK (RFC 9113, 6.7).
    private static func isAcknowledgement(_ data: IOData) -> Bool {
        guard case .byteBuffer(let bytes) = data, bytes.readableBytes == HTTP2.pingFrameBytes else { return false }
        let start = bytes.readerIndex
        return bytes.getInteger(at: start + 3, as: UInt8.self) == HTTP2.pingType
            && bytes.getInteger(at: start + 4, as: UInt8.self) == HTTP2.acknowledgement
    }
}
