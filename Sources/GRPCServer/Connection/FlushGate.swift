import NIOCore

/// Holds back what is to be written while an answer is about to follow, for a while, so that both leave together.
///
/// Some clients send a ping with each request, to measure the connection. Acknowledging it by itself would cost as much as
/// answering the request does soon after: a system call, and waking the client.
///
/// It stands below HTTP/2, whose handler flushes its acknowledgements by itself.
final class FlushGate: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    private var context: ChannelHandlerContext?
    private var isHolding = false
    private var isFlushWanted = false
    private var timer: Scheduled<Void>?

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        self.context = nil
    }

    /// An answer will follow soon.
    func hold() {
        isHolding = true
    }

    /// An answer is there, or what must not wait: the next flush writes all of it.
    func release() {
        isHolding = false
    }

    func flush(context: ChannelHandlerContext) {
        guard isHolding else {
            isFlushWanted = false
            context.flush()
            return
        }
        isFlushWanted = true
        // It is not cancelled by the answer, since to set a timer takes a system call: one serves all the answers of its time.
        guard timer == nil else { return }
        let time = TimeAmount.milliseconds(Limits.answerWaitMilliseconds)
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: time) {
            self.timer = nil
            self.flushHeld()
        }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        flushHeld()
        context.close(mode: mode, promise: promise)
    }

    private func flushHeld() {
        guard isFlushWanted else { return }
        (isHolding, isFlushWanted) = (false, false)
        context?.flush()
    }
}
