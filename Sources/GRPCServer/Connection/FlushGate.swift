import NIOCore

/// Holds back acknowledgements of pings for a while, so that they leave with what is written next.
///
/// Clients ping to measure the connection: some with each request, some with each message that they get. Acknowledging
/// such a ping by itself would cost as much as an answer: a system call, and waking the client.
///
/// It stands below HTTP/2, whose handler flushes its acknowledgements by itself. Each frame begins a buffer of its own.
///
/// It can also be shut, for an answer that is ready before it is known whether it is true.
final class FlushGate: ChannelOutboundHandler {
    typealias OutboundIn = IOData

    private var context: ChannelHandlerContext?
    /// What was written since it was shut; nil while it is open.
    private var held: [(data: NIOAny, promise: EventLoopPromise<Void>?)]?
    /// Whether what was written since the last flush has to leave: something else than acknowledgements.
    private var isUrgent = false
    private var holdsAcknowledgements = false
    private var timer: Scheduled<Void>?

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        drop()
        self.context = nil
    }

    /// Lets nothing pass until it is opened.
    func shut() {
        if held == nil { held = [] }
    }

    /// Lets what was held back leave, now.
    func open() {
        guard let context, let held else { return }
        self.held = nil
        for (data, promise) in held { write(context: context, data: data, promise: promise) }
        flush(context: context)
    }

    /// Drops what was held back. The client cannot understand what comes after it, so the connection has to be closed.
    func drop() {
        let dropped = held ?? []
        held = nil
        for (_, promise) in dropped { promise?.fail(ChannelError.ioOnClosedChannel) }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if held != nil {
            held!.append((data, promise))
            return
        }
        if Self.isAcknowledgement(unwrapOutboundIn(data)) { holdsAcknowledgements = true } else { isUrgent = true }
        context.write(data, promise: promise)
    }

    func flush(context: ChannelHandlerContext) {
        guard held == nil else { return }
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
        drop()
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
