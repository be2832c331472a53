import Changes
import LMDB
import Threads

/// The thread that owns LMDB's write transactions: it checkpoints when enough has gathered or some time has passed,
/// does what others ask of it, and its background work step by step in between.
final class Checkpointer: CursorWriter {
    /// What the other threads and it tell each other.
    private struct Orders {
        /// Commits wait for a checkpoint.
        var isDirty = false
        /// A checkpoint is wanted at once.
        var isUrgent = false
        /// A cursor was acknowledged.
        var isAcknowledged = false
        var isStopping = false
        /// Attempts that ended, well or not, and what the last one threw.
        var attempts: UInt64 = 0
        var failure: StoreError?
        var compactions: [Compaction] = []
        var requests: [Request] = []
    }

    /// Something to do on the thread.
    private typealias Request = @Sendable (inout LogWriter) -> Void

    /// A request to compact, and whom to tell.
    private struct Compaction: Sendable {
        var revision: Revision
        var overridesCursors: Bool
        var completion: @Sendable (Result<Void, StoreError>) -> Void
    }

    private enum Job {
        case checkpoint
        case acknowledge
        case serve
        case compact
        case stop
    }

    private let orders = Monitor(Orders())
    private let state: LogState
    private let journal: Journal
    private let options: LogOptions
    private let cursors: CursorLedger
    private let thread = Monitor<OSThread?>(nil)

    init(state: LogState, journal: Journal, cursors: CursorLedger, options: LogOptions) {
        self.state = state
        self.journal = journal
        self.options = options
        self.cursors = cursors
    }

    /// Starts the thread, which takes `writer` over.
    func start(_ environment: Environment, _ databases: Databases, _ meta: Meta) {
        let isDirty = state.head > meta.checkpoint
        orders.withLock { $0.isDirty = isDirty }
        let started = OSThread { [self] in
            var writer = LogWriter(environment: environment, databases: databases, cursors: cursors, meta: meta)
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
    func compact(
        _ revision: Revision, overridesCursors: Bool,
        completion: @escaping @Sendable (Result<Void, StoreError>) -> Void
    ) {
        let compaction = Compaction(
            revision: revision, overridesCursors: overridesCursors, completion: completion)
        let isStopping = orders.notify { orders in
            if !orders.isStopping { orders.compactions.append(compaction) }
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

    /// A cursor was acknowledged: the next checkpoint takes that along, or a transaction of its own when the interval is
    /// over.
    func acknowledged() {
        orders.notify { $0.isAcknowledged = true }
    }

    func write<R: Sendable>(
        _ body: @escaping @Sendable (Environment) throws -> R,
        completion: @escaping @Sendable (Result<R, StoreError>) -> Void
    ) {
        perform({ writer in try body(writer.environment) }, completion: completion)
    }

    /// Does what was asked for, makes a last checkpoint and ends the thread.
    ///
    /// - Throws: what the checkpoint threw; the journal still has what it would have written.
    func stop() throws {
        orders.notify { $0.isStopping = true }
        thread.withLock { $0 }?.join()
        if let failure = orders.withLock({ $0.failure }) { throw failure }
    }

    // MARK: On the thread

    private func run(_ writer: inout LogWriter) {
        // A step that failed is not tried again before a checkpoint succeeds or somebody asks.
        var goesOn = true
        var timer = CheckpointTimer()
        while true {
            switch nextJob(goesOn && writer.hasCompactionWork, &timer) {
            case .checkpoint: goesOn = checkpoint(&writer) || goesOn
            // What fails stays pending and is tried again after the interval.
            case .acknowledge:
                orders.withLock { $0.isAcknowledged = false }
                try? cursors.write(writer.environment)
            case .serve: serve(&writer)
            case .compact: goesOn = compact(&writer)
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

    private func nextJob(_ hasCompactionWork: Bool, _ timer: inout CheckpointTimer) -> Job {
        func urgent(_ orders: inout Orders) -> Job? {
            if orders.isStopping { return .stop }
            if orders.isUrgent { return .checkpoint }
            if !orders.requests.isEmpty { return .serve }
            return orders.compactions.isEmpty && !hasCompactionWork ? nil : .compact
        }
        while true {
            let (isDirty, isAcknowledged) = orders.withLock { ($0.isDirty, $0.isAcknowledged) }
            timer.set(isDirty: isDirty, isAcknowledged: isAcknowledged, options)
            // With nothing to do it sleeps without a timeout.
            let job: Job?? = orders.wait(seconds: timer.seconds) { orders in
                if let job = urgent(&orders) { return .some(job) }
                return orders.isDirty == isDirty && orders.isAcknowledged == isAcknowledged ? nil : .some(nil)
            }
            switch job {
            case .some(let job?): return job
            case .some(nil): continue
            case nil: return timer.isCheckpoint ? .checkpoint : .acknowledge
            }
        }
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
            $0.isAcknowledged = false
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
            failure = StoreError(wrapping: error)
        }
        // What was committed meanwhile waits for the next round; so does everything, after a failure.
        let pending = state.snapshot.pendingBytes
        orders.notify { orders in
            orders.attempts += 1
            orders.failure = failure
            if pending > 0 { orders.isDirty = true }
            if failure == nil, pending >= options.checkpointBytes { orders.isUrgent = true }
        }
        cursors.askForProgress()
        return failure == nil
    }

    /// One step; false if it failed.
    private func compact(_ writer: inout LogWriter) -> Bool {
        do {
            if let compaction = orders.withLock({ $0.compactions.max { $0.revision < $1.revision } }),
                compaction.revision > writer.meta.compacted
            {
                let target = compaction.revision
                if target > writer.meta.checkpoint {
                    if !checkpoint(&writer), let failure = orders.withLock({ $0.failure }) { throw failure }
                }
                try writer.setCompacted(target, overridesCursors: compaction.overridesCursors)
                state.compacted(through: target)
            }
            if writer.hasCompactionWork { try writer.compactionStep() }
            if !writer.hasCompactionWork { finishCompactions(.success(()), through: writer.meta.compacted) }
            return true
        } catch {
            finishCompactions(.failure(StoreError(wrapping: error)), through: .max)
            return false
        }
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
