import LMDB
import Threads

/// Writes acknowledgements in a process that only follows the store. LMDB lets one write transaction at a time be open
/// in all processes together, and this one may have to wait for a checkpoint: hence a thread of its own, which starts
/// when it is first needed. Its transactions are short, so that it hardly ever keeps the checkpointer waiting.
final class CursorThread: CursorWriter {
    private struct Orders {
        var isAcknowledged = false
        var isStopping = false
        var requests: [@Sendable (Environment) -> Void] = []
        var isStarted = false
    }

    private let orders = Monitor(Orders())
    private let thread = Monitor<OSThread?>(nil)
    private let environment: Environment
    private let ledger: CursorLedger
    private let interval: Duration

    init(_ environment: Environment, _ ledger: CursorLedger, interval: Duration) {
        self.environment = environment
        self.ledger = ledger
        self.interval = interval
    }

    func acknowledged() {
        _ = order { $0.isAcknowledged = true }
    }

    func write<R: Sendable>(
        _ body: @escaping @Sendable (Environment) throws -> R,
        completion: @escaping @Sendable (Result<R, StoreError>) -> Void
    ) {
        let isTaken = order { orders in
            orders.requests.append { environment in
                completion(Result { try body(environment) }.mapError { StoreError(wrapping: $0) })
            }
        }
        if !isTaken { completion(.failure(StoreError(.closed, "the store is closed"))) }
    }

    /// Writes what waits and ends the thread. Blocks.
    func stop() {
        orders.notify { $0.isStopping = true }
        thread.withLock { $0 }?.join()
    }

    /// False if the thread is stopping.
    private func order(_ change: (inout Orders) -> Void) -> Bool {
        let (isTaken, starts) = orders.notify { orders in
            if orders.isStopping { return (false, false) }
            change(&orders)
            defer { orders.isStarted = true }
            return (true, !orders.isStarted)
        }
        if starts { thread.withLock { $0 = OSThread { [self] in run() } } }
        return isTaken
    }

    // MARK: On the thread

    private enum Job: Sendable {
        case serve([@Sendable (Environment) -> Void])
        case stop
    }

    private func run() {
        while true {
            switch nextJob() {
            case .serve(let requests): for request in requests { request(environment) }
            case .stop:
                try? ledger.write(environment)
                return
            // What fails stays pending, and is tried again after the interval.
            case nil: try? ledger.write(environment)
            }
        }
    }

    /// Nil when it is time to write what was acknowledged.
    private func nextJob() -> Job? {
        func urgent(_ orders: inout Orders) -> Job? {
            if !orders.requests.isEmpty {
                defer { orders.requests = [] }
                return .serve(orders.requests)
            }
            return orders.isStopping ? .stop : nil
        }
        let ready: Job? = orders.wait { orders in
            if let job = urgent(&orders) { return .some(job) }
            defer { orders.isAcknowledged = false }
            return orders.isAcknowledged ? .some(nil) : nil
        }!
        return ready ?? orders.wait(seconds: interval.seconds) { urgent(&$0) }
    }
}
