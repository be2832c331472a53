import Changes
import RevisionLog
import Threads
import WatchDispatch

/// A watch's use of the cursor that it started from.
final class CursorUse: Sendable {
    private let session: CursorSession
    private let ledger: CursorLedger
    private let isAutomatic: Bool
    /// Whether the cursor comes to be at the start, and not with the first acknowledgement.
    private let isCreatedFirst: Bool
    /// The watch's place in the live flow, once it has one. Kept here because the threads that write must not wait for
    /// what guards the rest of the watch: that is held while the log is read.
    private let handle = Lock<WatcherHandle?>(nil)

    init(_ session: CursorSession, _ ledger: CursorLedger, isAutomatic: Bool, isCreatedFirst: Bool) {
        self.session = session
        self.ledger = ledger
        self.isAutomatic = isAutomatic
        self.isCreatedFirst = isCreatedFirst
    }

    /// Listens to what the ledger says: to end, or to move on with a progress. `head` is the newest revision.
    func observe(head: @escaping @Sendable () -> Revision) {
        session.observe(
            failed: { [weak self] in self?.handle.withLock { $0 }?.cancel() },
            asked: { [weak self] in self?.handle.withLock { $0 }?.requestProgress(through: head()) })
    }

    /// The watch is routed to.
    func joined(_ joined: WatcherHandle) {
        handle.withLock { $0 = joined }
    }

    deinit {
        close()
    }

    /// Why the cursor cannot be acknowledged any more.
    var failure: StoreError? { session.failure }

    /// Before the first element: a cursor of which something was delivered is there after a crash too.
    func create() async throws {
        guard isCreatedFirst, !session.isCreated, session.failure == nil else { return }
        session.create()
        try await flush()
    }

    /// The reader asks for more, so everything through `revision` was handled.
    @inline(__always)
    func handled(_ revision: Revision?) {
        if isAutomatic, let revision { session.acknowledge(revision) }
    }

    func acknowledge(_ revision: Revision) {
        session.acknowledge(revision)
    }

    /// Returns when what was acknowledged is durable.
    func flush() async throws {
        try await withCheckedThrowingContinuation { continuation in
            ledger.flush(session) { continuation.resume(with: $0) }
        }
    }

    /// The watch has ended; another one may use the cursor.
    func close() {
        ledger.close(session)
    }
}
