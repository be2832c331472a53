import NIOCore
import NIOHPACK
import Threads

/// One client's connection, as tasks see it: they hand over what to send, and the event loop writes it.
final class Connection: Sendable {
    /// What the event loop has to do.
    enum Order: Sendable {
        case message(Call, ByteBuffer, isFirst: Bool)
        case end(Call, Status, HPACKHeaders, isFirst: Bool)
        /// The handler has read so much that the client may send again.
        case credit(Call)
        case shutDown
        case close(Status)

        fileprivate var isGathered: Bool {
            if case .message(let call, _, _) = self { call.method.isLasting } else { false }
        }
    }

    let channel: any Channel
    private let orders = Lock<[Order]>([])
    private let calls: AsyncStream<Call>
    private let continuation: AsyncStream<Call>.Continuation
    private let handler: NIOLoopBound<ConnectionHandler>
    private let executor: EventLoopExecutor

    /// To be made on the event loop of `channel`.
    init(channel: any Channel, handler: ConnectionHandler) {
        self.channel = channel
        self.handler = NIOLoopBound(handler, eventLoop: channel.eventLoop)
        executor = EventLoopExecutor(channel.eventLoop)
        // Bounded by the streams that the connection may have, and by how often they may be reset.
        (calls, continuation) = AsyncStream.makeStream()
    }

    /// Runs each call in a task of its own, until the connection is closed and the last of them has ended.
    func run() async {
        await withTaskExecutorPreference(executor) {
            await withDiscardingTaskGroup { group in
                for await call in calls {
                    if call.method.runsOnEventLoop {
                        // Here and now, since this is the event loop already.
                        group.addImmediateTask(executorPreference: executor) { await call.run() }
                    } else {
                        group.addTask(executorPreference: globalConcurrentExecutor) { await call.run() }
                    }
                }
            }
        }
    }

    /// Has the event loop do something, soon. What is handed over meanwhile is done, and written out, together.
    ///
    /// What a lasting call sends has been gathered already, so the event loop's own tasks do not wait for more.
    func enqueue(_ order: Order) {
        let isFirst = orders.withLock { orders in
            orders.append(order)
            return orders.count == 1
        }
        if order.isGathered, channel.eventLoop.inEventLoop {
            handler.value.carryOut(takeOrders())
        } else if isFirst {
            channel.eventLoop.execute { self.handler.value.carryOut(self.takeOrders()) }
        }
    }

    // MARK: On the event loop

    var isOnEventLoop: Bool { channel.eventLoop.inEventLoop }

    /// Makes the frames of `orders` and holds them back, with all else that is to leave, until ``release(_:)``.
    func prepare(_ orders: [Order]) {
        handler.value.gate.shut()
        handler.value.carryOut(orders)
    }

    /// Lets what is held back leave; or drops it and closes the connection.
    func release(_ leaves: Bool) {
        if leaves {
            handler.value.gate.open()
        } else {
            handler.value.gate.drop()
            channel.close(promise: nil)
        }
    }

    private func takeOrders() -> [Order] {
        orders.withLock { orders in
            let taken = orders
            orders = []
            return taken
        }
    }

    func begin(_ call: Call) {
        continuation.yield(call)
    }

    func closed() {
        continuation.finish()
    }
}
