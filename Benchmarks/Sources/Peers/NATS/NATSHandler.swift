import NIOCore

/// Commands as bytes, and what is to be known of them before they are sent.
struct NATSBatch: OutboxBatch {
    var bytes = ByteBuffer()
    /// By the number that the subject for the answer ends with.
    var waiting: [(number: Int, continuation: CheckedContinuation<ByteBuffer, any Error>)] = []
    /// By number of subscription; nil ends it.
    var watches: [(number: Int, watch: NATSWatchSink?)] = []
}

/// Takes what comes for a watch.
typealias NATSWatchSink = @Sendable (NATSMessage) -> Void

/// Matches answers to requests by the last word of the subject that they come to, and events to watches by the number
/// of the subscription.
final class NATSHandler: ChannelInboundHandler, LinkHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// The subscription that answers come to.
    static let answers = 1

    private let outbox: Outbox<NATSBatch>
    private var context: ChannelHandlerContext?
    private var waiting: [Int: CheckedContinuation<ByteBuffer, any Error>] = [:]
    private var watches: [Int: NATSWatchSink] = [:]
    private var received = ByteBuffer()

    init(outbox: Outbox<NATSBatch>) { self.outbox = outbox }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func send(_ batch: NATSBatch) {
        for (number, continuation) in batch.waiting { waiting[number] = continuation }
        for (number, watch) in batch.watches { watches[number] = watch }
        guard let context else { return fail(.closed) }
        context.writeAndFlush(wrapOutboundOut(batch.bytes), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received.receive(unwrapInboundIn(data))
        do {
            while let message = try NATSMessage(&received) {
                switch message.kind {
                case .message: deliver(message, context)
                case .ping: write("PONG\r\n", context)
                case .error: throw PeerError(String(buffer: message.line))
                case .other: break
                }
            }
        } catch {
            errorCaught(context: context, error: error)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.flush()
    }

    func channelInactive(context: ChannelHandlerContext) { fail(.closed) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(PeerError("NATS: \(error)"))
        context.close(promise: nil)
    }

    private func deliver(_ message: NATSMessage, _ context: ChannelHandlerContext) {
        if message.subscription == Self.answers {
            guard let number = message.lastWordOfSubject, let waiter = waiting.removeValue(forKey: number) else {
                return
            }
            if let headers = message.headers, message.payload.readableBytes == 0 {
                waiter.resume(throwing: PeerError("NATS: \(String(buffer: headers))"))
            } else {
                waiter.resume(returning: message.payload)
            }
        } else if let headers = message.headers, message.payload.readableBytes == 0 {
            // The server asks whether we keep up, and sends no more than its window until we answer. A heartbeat
            // asks again if it has not heard.
            if let subject = message.replySubject ?? headers.stalledSubject {
                write("PUB \(subject) 0\r\n\r\n", context)
            }
        } else if let number = message.subscription {
            watches[number]?(message)
        }
    }

    private func write(_ command: String, _ context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(ByteBuffer(string: command)), promise: nil)
    }

    private func fail(_ failure: PeerError) {
        let unsent = outbox.close(failure).waiting
        for (_, waiter) in waiting { waiter.resume(throwing: failure) }
        for (_, waiter) in unsent { waiter.resume(throwing: failure) }
        waiting = [:]
        watches = [:]
    }
}

extension NATSMessage {
    fileprivate var lastWordOfSubject: Int? {
        guard let subject, let dot = subject.lastIndex(of: UInt8(ascii: ".")) else { return nil }
        return line.number(in: dot + 1..<subject.endIndex)
    }

    fileprivate var replySubject: String? { reply.flatMap { line.getString(at: $0.lowerBound, length: $0.count) } }
}

extension ByteBuffer {
    fileprivate var stalledSubject: String? {
        let field = "Nats-Consumer-Stalled:"
        for line in String(buffer: self).split(whereSeparator: \.isNewline) where line.hasPrefix(field) {
            return line.dropFirst(field.count).split(separator: " ").first.map(String.init)
        }
        return nil
    }
}
