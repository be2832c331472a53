import Changes
import Threads

/// One registered watcher: the lock around its state machine, and the reader that waits or wants to be told. The
/// dispatcher and the handle share it.
final class Watcher: Sendable {
    fileprivate struct Guarded: ~Copyable {
        /// Who is to be told, once, when the machine has something.
        var listener = Listener.nobody
        var machine: WatcherStateMachine
    }

    fileprivate enum Listener {
        case nobody
        /// The reader, which waits; the machine has nothing for it.
        case reader(UnsafeContinuation<WatcherSignal, Never>)
        /// For a reader who has others to read too.
        case bell(WatcherBell)
    }

    let filter: WatchFilter
    /// Those of the filter, once more: the dispatcher looks at them for each update.
    let types: WatchTypes
    private let guarded: SpinLock<Guarded>
    /// Where the routing table has it; nil while it is not routed to.
    ///
    /// Sound as `nonisolated(unsafe)`: only who dispatches touches it (``Dispatch``).
    nonisolated(unsafe) var position: Int?
    /// What ``fetch()`` has fetched besides the lock. It is known here since the lock need not be taken for it.
    ///
    /// Sound as `nonisolated(unsafe)`, as `position` is.
    private nonisolated(unsafe) var nextPlace: UnsafeRawPointer?

    init(filter: WatchFilter, policy: OverflowPolicy, capacity: Int) {
        self.filter = filter
        types = filter.types
        guarded = SpinLock(Guarded(machine: WatcherStateMachine(policy: policy, capacity: capacity, filter: filter)))
    }

    /// Has what ``offer(_:_:)`` touches fetched from memory.
    @inline(__always)
    func fetch() {
        guarded.fetch()
        if let nextPlace { prefetchToWrite(nextPlace) }
    }

    func join(through revision: Revision) { change { $0.join(through: revision) } }
    func advance(through revision: Revision) { change { $0.advance(through: revision) } }
    func finish() { change { $0.finish() } }
    func cancel() { empty { $0.machine.cancel() } }
    func park() { empty { $0.machine.park() } }

    /// Cancels for a reader that knows it: its bell is not rung.
    func cancelQuietly() {
        empty { guarded in
            if case .bell = guarded.listener { guarded.listener = .nobody }
            return guarded.machine.cancel()
        }
    }

    /// Offers a record, with a reference to its batch. Whom to tell of it is added to `calls`: the reader finds all there is by
    /// then.
    @inline(__always)
    func offer(_ batch: Unmanaged<ChangeBatch>, _ record: Int32, _ calls: inout [Call]) -> WatcherStateMachine.Offer {
        guarded.withLock { guarded in
            let offer = guarded.machine.offer(batch.takeRetainedValue(), record)
            nextPlace = guarded.machine.nextPlace
            if case .nobody = guarded.listener { return offer }
            calls.append(guarded.takeCall())
            return offer
        }
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
            guarded.requireNoReader()
            let signal = guarded.machine.next()
            let isLast = !guarded.machine.hasSignal
            guarded.listener = isLast ? .bell(bell) : .nobody
            return (signal, isLast)
        }
    }

    /// Waits for the next signal. One reader at a time. A cancelled task gets `ended`.
    func next() async -> WatcherSignal {
        if let signal = tryNext() { return signal }
        let signal = await withTaskCancellationHandler {
            // The unchecked kind, since each wait makes one: whoever takes it out of `listener` resumes it, once.
            await withUnsafeContinuation { continuation in
                let signal = guarded.withLock { guarded -> WatcherSignal? in
                    guarded.requireNoReader()
                    if let signal = guarded.machine.next() { return signal }
                    guarded.listener = .reader(continuation)
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

    /// The same with what is not wanted any more, which is let go of without the lock.
    private func empty(_ body: (inout Guarded) -> WatcherStateMachine.Leftover?) {
        var call = Call.nobody
        let leftover = guarded.withLock { guarded in
            let leftover = body(&guarded)
            call = guarded.takeCall()
            return leftover
        }
        call.make()
        _ = consume leftover
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
    fileprivate func requireNoReader() {
        if case .reader = listener { preconditionFailure("a watcher has one reader at a time") }
    }

    fileprivate mutating func takeCall() -> Watcher.Call {
        switch listener {
        case .nobody: return .nobody
        case .reader(let reader):
            guard let signal = machine.next() else { return .nobody }
            listener = .nobody
            return .reader(reader, signal)
        case .bell(let bell):
            guard machine.hasSignal else { return .nobody }
            listener = .nobody
            return .bell(bell)
        }
    }
}
