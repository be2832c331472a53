import Changes
import LMDB
import Threads

/// The thread that owns LMDB's write transactions: it checkpoints when enough has gathered or some time has passed,
/// does what others ask of it, and its background work step by step in between.
final class Checkpointer: Sendable {
    /// What the other threads and it tell each other.
    private struct Orders {
        /// Commits wait for a checkpoint.
        var isDirty = false
        /// A checkpoint is wanted at once.
        var isUrgent = false
        var isStopping = false
        /// Attempts that ended, well or not, and what the last one threw.
        var attempts: UInt64 = 0
        var failure: StoreError?
        /// What the last attempt to forget history threw.
        var compactionFailure: StoreError?
        var compactions: [Compaction] = []
        var requests: [Request] = []
    }

    /// Something to do on the thread.
    private typealias Request = @Sendable (inout LogWriter) -> Void

    /// A request to compact, and whom to tell.
    private struct Compaction: Sendable {
        var revision: Revision
        var completion: @Sendable (Result<Void, StoreError>) -> Void
    }

    private enum Job {
        case checkpoint
        case serve
        case compact
        case retain
        case stop
    }

    private let orders = Monitor(Orders())
    private let state: LogState
    private let journal: Journal
    private let options: LogOptions
    private let thread = Monitor<OSThread?>(nil)

    init(state: LogState, journal: Journal, options: LogOptions) {
        self.state = state
        self.journal = journal
        self.options = options
    }

    /// Starts the thread, which takes `writer` over.
    func start(_ environment: Environment, _ databases: Databases, _ meta: Meta) {
        let isDirty = state.head > meta.checkpoint
        orders.withLock { $0.isDirty = isDirty }
        let started = OSThread { [self] in
            var writer = LogWriter(environment: environment, databases: databases, meta: meta)
            run(&writer)
        }
        thread.withLock { $0 = started }
    }

    /// Commits were made; `pending` raw bytes wait now, `before` waited before them.
    func committed(pending: Int, before: Int) {
        if before == 0 { orders.notify { $0.isDirty = true } }
        if pending >= options.checkpointBytes, before < options.checkpointBytes {
            orders.notify { $0.isUrgent = true }
        }
    }

    /// Blocks until another checkpoint was made.
    ///
    /// - Throws: what it threw.
    func checkpoint() throws {
        let seen = orders.notify { orders in
            orders.isUrgent = true
            return orders.attempts
        }
        // An attempt may have been under way; the one after it began after this call.
        try orders.wait { orders throws -> Void? in
            guard orders.attempts > seen || orders.isStopping else { return nil }
            if let failure = orders.failure { throw failure }
            return ()
        }
    }

    /// Makes `revision` the first that can be read, and gives back what lies below. `completion` is called at the end.
    func compact(_ revision: Revision, completion: @escaping @Sendable (Result<Void, StoreError>) -> Void) {
        let isStopping = orders.notify { orders in
            if !orders.isStopping { orders.compactions.append(.init(revision: revision, completion: completion)) }
            return orders.isStopping
        }
        if isStopping { completion(.failure(StoreError(.closed, "the store is closed"))) }
    }

    /// Runs `body` on the thread, which owns LMDB's write transactions, and passes on what it returns or throws.
    func perform<R: Sendable>(
        _ body: @escaping @Sendable (inout LogWriter) throws -> R,
        completion: @escaping @Sendable (Result<R, StoreError>) -> Void
    ) {
        let isStopping = orders.notify { orders in
            if orders.isStopping { return true }
            orders.requests.append { writer in
                do {
                    completion(.success(try body(&writer)))
                } catch {
                    completion(.failure(StoreError(wrapping: error)))
                }
            }
            return false
        }
        if isStopping { completion(.failure(StoreError(.closed, "the store is closed"))) }
    }

    /// Does what was asked for, makes a last checkpoint and ends the thread.
    ///
    /// - Throws: what the checkpoint threw; the journal still has what it would have written.
    func stop() throws {
        orders.notify { $0.isStopping = true }
        thread.withLock { $0 }?.join()
        if let failure = orders.withLock({ $0.failure }) { throw failure }
    }

    /// Why history that should go does not, if it does not.
    var compactionFailure: StoreError? { orders.withLock { $0.compactionFailure } }

    // MARK: On the thread

    private func run(_ writer: inout LogWriter) {
        // A step that failed is not tried again before a checkpoint succeeds or somebody asks.
        var goesOn = retain(&writer)
        // Records that a compaction may drop before the next checkpoint, even an urgent one: as many as the last one wrote,
        // or a log that is written as fast as can be would never be compacted.
        var turn: Revision = 0
        while true {
            let interval = writer.meta.earliest < writer.meta.checkpoint ? options.retention.interval : nil
            switch nextJob(goesOn && writer.hasCompactionWork, isItsTurn: turn > 0, retentionInterval: interval) {
            case .checkpoint:
                let before = writer.meta.checkpoint
                goesOn = checkpoint(&writer) ? retain(&writer) : goesOn
                turn = max(1, writer.meta.checkpoint - before)
            case .serve: serve(&writer)
            case .compact:
                goesOn = compact(&writer)
                turn -= Revision(Limits.compactionRecords)
            case .retain: goesOn = retain(&writer)
            case .stop:
                serve(&writer)
                _ = checkpoint(&writer)
                let abandoned = orders.withLock { orders in
                    defer { orders.compactions = [] }
                    return orders.compactions
                }
                for compaction in abandoned {
                    compaction.completion(.failure(StoreError(.closed, "the store was closed")))
                }
                return
            }
        }
    }

    private func nextJob(_ hasCompactionWork: Bool, isItsTurn: Bool, retentionInterval: Double?) -> Job {
        func urgent(_ orders: inout Orders) -> Job? {
            if orders.isStopping { return .stop }
            if orders.isUrgent, !(hasCompactionWork && isItsTurn) { return .checkpoint }
            if !orders.requests.isEmpty { return .serve }
            return orders.compactions.isEmpty && !hasCompactionWork ? nil : .compact
        }
        // With nothing to do it sleeps without a timeout, unless something may become too old.
        let woken: Job?? = orders.wait(seconds: retentionInterval) { orders in
            if let job = urgent(&orders) { return .some(job) }
            return orders.isDirty ? .some(nil) : nil
        }
        guard let ready = woken else { return .retain }
        return ready ?? orders.wait(seconds: options.checkpointInterval.seconds) { urgent(&$0) } ?? .checkpoint
    }

    private func serve(_ writer: inout LogWriter) {
        let requests = orders.withLock { orders in
            defer { orders.requests = [] }
            return orders.requests
        }
        for request in requests { request(&writer) }
    }

    /// False if it failed.
    private func checkpoint(_ writer: inout LogWriter) -> Bool {
        orders.withLock {
            $0.isUrgent = false
            $0.isDirty = false
        }
        var failure: StoreError?
        do {
            let frozen = state.freeze()
            try writer.checkpoint(frozen)
            state.checkpointed(frozen)
            journal.release(through: frozen.head)
            Failpoint.reach(.segmentReleased)
            try journal.prepareSpare()
        } catch {
            failure = note(error)
        }
        // What was committed meanwhile waits for the next round; so does everything, after a failure.
        let pending = state.snapshot.pendingBytes
        orders.notify { orders in
            orders.attempts += 1
            orders.failure = failure
            if pending > 0 { orders.isDirty = true }
            if failure == nil, pending >= options.checkpointBytes { orders.isUrgent = true }
        }
        return failure == nil
    }

    /// One step; false if it failed.
    private func compact(_ writer: inout LogWriter) -> Bool {
        do {
            if let target = orders.withLock({ $0.compactions.map(\.revision).max() }), target > writer.meta.compacted {
                if target > writer.meta.checkpoint {
                    if !checkpoint(&writer), let failure = orders.withLock({ $0.failure }) { throw failure }
                }
                try writer.setCompacted(target)
                state.compacted(through: target)
            }
            if writer.hasCompactionWork { try writer.compactionStep() }
            guard !writer.hasCompactionWork else { return true }
            finishCompactions(.success(()), through: writer.meta.compacted)
            return retain(&writer)
        } catch {
            let failure = note(error)
            orders.withLock { $0.compactionFailure = failure }
            finishCompactions(.failure(failure), through: .max)
            return false
        }
    }

    /// Looks whether there is more history than the options want; false if that failed.
    private func retain(_ writer: inout LogWriter) -> Bool {
        do {
            if try writer.retain(options.retention, now: wallClockMilliseconds()) {
                state.compacted(through: writer.meta.compacted)
            }
            if !writer.hasCompactionWork { orders.withLock { $0.compactionFailure = nil } }
            return true
        } catch {
            let failure = note(error)
            orders.withLock { $0.compactionFailure = failure }
            return false
        }
    }

    /// What `error` means to others. After one that is final nothing can be written any more.
    private func note(_ error: any Error) -> StoreError {
        let failure = StoreError(wrapping: error)
        if failure.code == .readOnly { journal.stop(failure) }
        return failure
    }

    private func finishCompactions(_ result: Result<Void, StoreError>, through revision: Revision) {
        let finished = orders.withLock { orders in
            let finished = orders.compactions.filter { $0.revision <= revision }
            orders.compactions.removeAll { $0.revision <= revision }
            return finished
        }
        for compaction in finished { compaction.completion(result) }
    }
}

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
