import NIOCore

/// Requests in the order in which their replies come.
struct RedisBatch: OutboxBatch {
    var bytes = ByteBuffer()
    var waiting: [CheckedContinuation<ByteBuffer, any Error>] = []
}

/// Writes requests without waiting for replies, and hands each reply to the request that has waited longest.
final class RedisHandler: ChannelInboundHandler, LinkHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let outbox: Outbox<RedisBatch>
    private var context: ChannelHandlerContext?
    private var waiting = CircularBuffer<CheckedContinuation<ByteBuffer, any Error>>()
    private var received = ByteBuffer()
    private var scanner = RESPScanner()

    init(outbox: Outbox<RedisBatch>) { self.outbox = outbox }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func send(_ batch: RedisBatch) {
        waiting.append(contentsOf: batch.waiting)
        guard let context else { return fail(.closed) }
        context.writeAndFlush(wrapOutboundOut(batch.bytes), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received.receive(unwrapInboundIn(data))
        do {
            while let reply = try scanner.next(&received) { waiting.popFirst()?.resume(returning: reply) }
        } catch {
            errorCaught(context: context, error: error)
        }
    }

    func channelInactive(context: ChannelHandlerContext) { fail(.closed) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(PeerError("Redis: \(error)"))
        context.close(promise: nil)
    }

    private func fail(_ failure: PeerError) {
        let unsent = outbox.close(failure).waiting
        for waiter in waiting + unsent { waiter.resume(throwing: failure) }
        waiting.removeAll()
    }
}
