import Synchronization

/// What tasks have handed over since the event loop last came for it, so that one write and one flush carry what many
/// of them send.
final class Outbox<Batch: OutboxBatch>: Sendable {
    private struct State {
        var batch = Batch()
        /// Whether the event loop has been told to come, and has not come yet.
        var isAwaited = false
        var failure: (any Error)?
    }

    private let state = Mutex(State())

    /// Adds something; says whether the event loop must be told to come.
    func add(_ change: (inout Batch) -> Void) throws -> Bool {
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            change(&state.batch)
            defer { state.isAwaited = true }
            return !state.isAwaited
        }
    }

    /// Everything since the last time.
    func take() -> Batch {
        state.withLock { state in
            state.isAwaited = false
            let batch = state.batch
            state.batch = Batch()
            return batch
        }
    }

    /// Refuses everything from now on; returns what nobody will send any more.
    func close(_ failure: any Error) -> Batch {
        state.withLock { state in
            state.failure = state.failure ?? failure
            let batch = state.batch
            state.batch = Batch()
            return batch
        }
    }
}

/// What is sent together.
protocol OutboxBatch: Sendable {
    init()
}
