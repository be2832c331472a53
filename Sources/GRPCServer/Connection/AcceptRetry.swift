import Logging
import NIOCore

/// Stops accepting for a moment when the system has no file or memory for another connection. Those that come meanwhile wait
/// in its queue.
///
/// NIO's own `AcceptBackoffHandler` delays reads, but after an error the listener's read is still pending: it would try
/// again at once and for ever, and take a whole processor. What takes it out of the selector is `autoRead`.
final class AcceptRetry: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private let logger: Logger
    private var timer: Scheduled<Void>?

    init(logger: Logger) {
        self.logger = logger
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is IOError, timer == nil else { return }
        logger.error("cannot accept connections; trying again soon", metadata: ["error": "\(error)"])
        set(autoRead: false, context)
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(Limits.acceptRetryMilliseconds)) {
            self.timer = nil
            self.set(autoRead: true, context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    private func set(autoRead: Bool, _ context: ChannelHandlerContext) {
        // It fails only for a listener that is closed.
        try? context.channel.syncOptions?.setOption(.autoRead, value: autoRead)
    }
}
