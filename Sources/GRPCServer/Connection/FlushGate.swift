import NIOCore

/// Holds back for a moment what is to be written, if an answer is likely to follow, so that both leave together.
///
/// Some clients measure the connection with a ping for each answer that they get. Acknowledging it by itself would cost as
/// much as answering the next request does soon after: a system call, and waking the client.
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

    /// An answer may follow soon.
    func hold() {
        isHolding = true
    }

    /// The answer is there: the next flush writes all of it.
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
        // It is not cancelled by the answer: one timer serves all the answers of its time.
        guard timer == nil else { return }
        let time = TimeAmount.microseconds(Limits.answerWaitMicroseconds)
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
