import DequeModule
import Synchronization
import WatchDispatch

/// What one would write by hand: a deque behind a lock for each consumer, which is woken when it waits, and takes all
/// that is there at once.
struct DequeLive: LiveSystem {
    let name = "Mutex<Deque>"

    func open(consumers: Int, capacity: Int) -> DequeChannel {
        DequeChannel(consumers: consumers, capacity: capacity)
    }
}

final class DequeChannel: LiveChannel {
    private let queues: [DequeQueue]

    init(consumers: Int, capacity: Int) {
        queues = (0..<consumers).map { _ in DequeQueue(capacity: capacity) }
    }

    func offer(_ update: consuming WatchUpdate) {
        queues.give(update) { $0.push($1) }
    }

    func consume(_ consumer: Int, _ body: (WatchUpdate) -> Void) async {
        while let updates = await queues[consumer].takeAll() {
            for update in updates { body(update) }
        }
    }

    func finish() {
        for queue in queues { queue.finish() }
    }
}

/// The queue to one consumer. What does not fit is dropped.
private final class DequeQueue: Sendable {
    private struct State {
        var updates: Deque<WatchUpdate> = []
        var isFinished = false
        var waiter: UnsafeContinuation<Void, Never>?
    }

    private let state = Mutex(State())
    private let capacity: Int

    init(capacity: Int) { self.capacity = capacity }

    func push(_ update: consuming WatchUpdate) {
        var update = Optional(update)
        let waiter = state.withLock { state -> UnsafeContinuation<Void, Never>? in
            if state.updates.count < capacity { state.updates.append(update.take()!) }
            return state.waiter.take()
        }
        waiter?.resume()
    }

    func finish() {
        let waiter = state.withLock { state in
            state.isFinished = true
            return state.waiter.take()
        }
        waiter?.resume()
    }

    /// Everything that is there, or that comes next; nil at the end.
    func takeAll() async -> Deque<WatchUpdate>? {
        while true {
            let (updates, isFinished) = state.withLock { state in
                defer { state.updates = [] }
                return (state.updates, state.isFinished)
            }
            if !updates.isEmpty { return updates }
            if isFinished { return nil }
            await withUnsafeContinuation { continuation in
                let isReady = state.withLock { state in
                    if !state.updates.isEmpty || state.isFinished { return true }
                    state.waiter = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        }
    }
}
