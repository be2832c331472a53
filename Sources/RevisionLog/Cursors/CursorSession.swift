package import Changes
import Synchronization
import Threads

/// One cursor in the hands of a watch of this process: how far it is acknowledged in memory, and whether that is still
/// to be written.
package final class CursorSession: Sendable {
    private struct State {
        /// The cursor that the watch makes, until it is stored.
        var created: CursorEntry?
        /// Whether a transaction that is under way takes what was pending along.
        var isWriting = false
        var failure: StoreError?
        var failed: (@Sendable () -> Void)?
        var asked: (@Sendable () -> Void)?
    }

    package let name: String
    let generation: UInt64
    private let newest: Atomic<Revision>
    private let isPending: Atomic<Bool>
    private let state: Lock<State>
    private let signal: @Sendable () -> Void

    /// A cursor that is stored, or with `isNew` one that is to be made. `signal` is called when there is something to
    /// write and was not before.
    init(_ name: String, _ entry: CursorEntry, isNew: Bool, signal: @escaping @Sendable () -> Void) {
        self.name = name
        generation = entry.generation
        newest = Atomic(entry.acknowledged)
        isPending = Atomic(false)
        state = Lock(State(created: isNew ? entry : nil))
        self.signal = signal
    }

    /// The newest revision that was acknowledged, written or not.
    package var acknowledged: Revision { newest.load(ordering: .acquiring) }

    /// Whether it is stored.
    package var isCreated: Bool { state.withLock { $0.created == nil } }

    /// Why it cannot be acknowledged any more.
    package var failure: StoreError? { state.withLock { $0.failure } }

    /// Everything through `revision` was handled. Costs nothing but memory; an older revision changes nothing.
    package func acknowledge(_ revision: Revision) {
        guard revision > newest.load(ordering: .relaxed) else { return }
        newest.max(revision, ordering: .sequentiallyConsistent)
        markPending()
    }

    /// Has the cursor written although nothing was acknowledged: a new one.
    package func create() {
        markPending()
    }

    // Who takes the mark away looks at the revision after it, who sets it stored the revision before: in the one order
    // that both agree on (sequentially consistent), none is left unwritten.
    private func markPending() {
        if isPending.load(ordering: .sequentiallyConsistent) { return }
        if !isPending.exchange(true, ordering: .sequentiallyConsistent) { signal() }
    }

    /// `failed` is called, once, when the cursor cannot be acknowledged any more; `asked` when a progress is wanted.
    package func observe(failed: @escaping @Sendable () -> Void, asked: @escaping @Sendable () -> Void) {
        state.withLock {
            $0.failed = failed
            $0.asked = asked
        }
    }

    // MARK: For the ledger

    /// Whether there was something to write, which the caller now does.
    func takePending() -> Bool {
        guard hasPending else { return false }
        state.withLock { $0.isWriting = true }
        return isPending.exchange(false, ordering: .sequentiallyConsistent)
    }

    private var hasPending: Bool { isPending.load(ordering: .sequentiallyConsistent) }

    /// Whether what was acknowledged is not known to be stored.
    var isUnwritten: Bool { state.withLock { $0.isWriting } || hasPending }

    var created: CursorEntry? { state.withLock { $0.created } }

    /// The transaction that took it along has ended.
    func written(isStored: Bool) {
        state.withLock { state in
            state.isWriting = false
            if isStored { state.created = nil }
        }
    }

    /// Another process may have acknowledged more.
    func adopt(_ revision: Revision) {
        newest.max(revision, ordering: .sequentiallyConsistent)
    }

    func fail(_ error: StoreError) {
        let failed = state.withLock { state in
            if state.failure == nil { state.failure = error }
            state.asked = nil
            return state.failed.take()
        }
        failed?()
    }

    func askForProgress() {
        state.withLock { $0.asked }?()
    }

    func forgetObservers() {
        state.withLock {
            $0.failed = nil
            $0.asked = nil
        }
    }
}
