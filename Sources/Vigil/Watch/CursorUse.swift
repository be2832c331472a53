import Changes
import RevisionLog

/// A watch's use of the cursor that it started from.
final class CursorUse: Sendable {
    private let session: CursorSession
    private let ledger: CursorLedger
    private let isAutomatic: Bool
    /// Whether the cursor comes to be at the start, and not with the first acknowledgement.
    private let isCreatedFirst: Bool

    init(_ session: CursorSession, _ ledger: CursorLedger, isAutomatic: Bool, isCreatedFirst: Bool) {
        self.session = session
        self.ledger = ledger
        self.isAutomatic = isAutomatic
        self.isCreatedFirst = isCreatedFirst
    }

    deinit {
        close()
    }

    func observe(failed: @escaping @Sendable () -> Void, asked: @escaping @Sendable () -> Void) {
        session.observe(failed: failed, asked: asked)
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
