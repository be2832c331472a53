import Changes
import Threads

/// One registered watcher: the lock around its state machine, and the reader that waits or wants to be told. The
/// dispatcher and the handle share it.
final class Watcher: Sendable {
    fileprivate struct Guarded {
        var machine: WatcherStateMachine
        /// The reader, if it waits; then the machine has nothing for it.
        var reader: UnsafeContinuation<WatcherSignal, Never>?
        /// Called, once, when the machine has something: for a reader who has others to read too.
        var bell: WatcherBell?
    }

    let filter: WatchFilter
    /// Those of the filter, once more: the dispatcher looks at them for each update.
    let types: WatchTypes
    private let guarded: Lock<Guarded>
    /// Where the routing table has it; nil while it is not routed to.
    ///
    /// Sound as `nonisolated(unsafe)`: only who dispatches touches it (``Dispatch``).
    nonisolated(unsafe) var position: Int?

    init(filter: WatchFilter, policy: OverflowPolicy, capacity: Int) {
        self.filter = filter
        types = filter.types
        guarded = Lock(Guarded(machine: WatcherStateMachine(policy: policy, capacity: capacity, filter: filter)))
    }

    /// Has what ``offer(_:_:)`` touches fetched from memory.
    func fetch() { guarded.fetch() }

    func join(through revision: Revision) { change { $0.join(through: revision) } }
    func advance(through revision: Revision) { change { $0.advance(through: revision) } }
    func finish() { change { $0.finish() } }
    func cancel() { change { $0.cancel() } }
    func park() { _ = change { $0.park() } }

    /// Cancels for a reader that knows it: its bell is not rung.
    func cancelQuietly() {
        guarded.withLock { guarded in
            guarded.bell = nil
            guarded.machine.cancel()
        }
    }

    /// Offers a record. Whom to tell of it is returned: the reader finds all there is by then.
    @inline(__always)
    func offer(_ batch: ChangeBatch, _ record: Int32) -> (offer: WatcherStateMachine.Offer, call: Call) {
        guarded.withLock { guarded in (guarded.machine.offer(batch, record), guarded.takeCall()) }
    }

    func lose(from: Revision, through: Revision) -> WatcherStateMachine.Offer {
        change { $0.lose(.init(from: from, through: through)) }
    }

    /// The next signal, if there is one.
    func tryNext() -> WatcherSignal? {
        guarded.withLock { $0.machine.next() }
    }

    /// The next signal, and whether there is no other: then `bell` is called when there is, on the thread that brings it.
    func tryNext(orElse bell: @escaping WatcherBell) -> (signal: WatcherSignal?, isLast: Bool) {
        guarded.withLock { guarded in
            precondition(guarded.reader == nil, "a watcher has one reader at a time")
            let signal = guarded.machine.next()
            let isLast = !guarded.machine.hasSignal
            guarded.bell = isLast ? bell : nil
            return (signal, isLast)
        }
    }

    /// Waits for the next signal. One reader at a time. A cancelled task gets `ended`.
    func next() async -> WatcherSignal {
        if let signal = tryNext() { return signal }
        let signal = await withTaskCancellationHandler {
            // The unchecked kind, since each wait makes one: whoever takes it out of `reader` resumes it, once.
            await withUnsafeContinuation { continuation in
                let signal = guarded.withLock { guarded -> WatcherSignal? in
                    precondition(guarded.reader == nil, "a watcher has one reader at a time")
                    if let signal = guarded.machine.next() { return signal }
                    guarded.reader = continuation
                    return nil
                }
                if let signal { continuation.resume(returning: signal) }
            }
        } onCancel: {
            cancel()
        }
        // What the signal was made of is seen from here on: with the continuation too, but that ThreadSanitizer does not see.
        guarded.withLock { _ in }
        return signal
    }

    /// Changes the machine, and wakes the reader, outside of the lock, if there is something for it now.
    private func change<R: Sendable>(_ body: (inout WatcherStateMachine) -> R) -> R {
        let (result, call) = guarded.withLock { guarded in (body(&guarded.machine), guarded.takeCall()) }
        call.make()
        return result
    }
}

/// What is called when a watcher has a signal. It is called without any lock, and must not wait.
package typealias WatcherBell = @Sendable () -> Void

extension Watcher {
    /// Whom to tell that there is something, without any lock.
    enum Call {
        case nobody
        case reader(UnsafeContinuation<WatcherSignal, Never>, WatcherSignal)
        case bell(WatcherBell)

        func make() {
            switch self {
            case .nobody: break
            case .reader(let reader, let signal): reader.resume(returning: signal)
            case .bell(let bell): bell()
            }
        }
    }
}

extension Watcher.Guarded {
    fileprivate mutating func takeCall() -> Watcher.Call {
        if reader != nil {
            guard let signal = machine.next() else { return .nobody }
            return .reader(reader.take()!, signal)
        }
        guard bell != nil, machine.hasSignal else { return .nobody }
        return .bell(bell.take()!)
    }
}
