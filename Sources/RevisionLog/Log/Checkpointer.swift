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
        var pace: CommitPace
        var isStopping = false
        /// Attempts that began.
        var begun: UInt64 = 0
        /// Attempts that ended, well or not, and what the last one threw.
        var attempts: UInt64 = 0
        var failure: StoreError?
        /// What the last attempt to forget history threw.
        var compactionFailure: StoreError?
        var compactions: [Compaction] = []
        var seals: [Seal] = []
        var requests: [Request] = []

        /// Whether more attempts have ended than `attempts`; throws what the last of them threw.
        func isOver(after attempts: UInt64) throws -> Void? {
            guard self.attempts > attempts || isStopping else { return nil }
            if let failure { throw failure }
            return ()
        }
    }

    /// Something to do on the thread.
    private typealias Request = @Sendable (inout LogWriter) -> Void

    /// A request to compact, and whom to tell.
    private struct Compaction: Sendable {
        var revision: Revision
        var overridesCursors: Bool
        var completion: @Sendable (Result<Void, StoreError>) -> Void
    }

    /// A request to seal the whole log, and whom to tell: of revisions done and in all, and of the end.
    private struct Seal: Sendable {
        var progress: (@Sendable (Int64, Int64) -> Void)?
        var completion: @Sendable (Result<Void, StoreError>) -> Void
    }

    private enum Job {
        case checkpoint
        case acknowledge
        case serve
        case compact
        case retain
        case seal
        case stop

        init(_ job: CheckpointRhythm.Job) {
            self =
                switch job {
                case .checkpoint: .checkpoint
                case .acknowledge: .acknowledge
                case .retain: .retain
                case .seal: .seal
                }
        }
    }

    private let orders: Monitor<Orders>
    private let state: LogState
    private let journal: Journal
    private let cache: BlockCache
    private let options: LogOptions
    private let cursors: CursorLedger
    private let thread = Monitor<OSThread?>(nil)
    /// How long checkpoints took.
    let durations = DurationCounters()

    init(state: LogState, journal: Journal, cache: BlockCache, cursors: CursorLedger, options: LogOptions) {
        self.state = state
        self.cache = cache
        self.journal = journal
        self.options = options
        self.cursors = cursors
        orders = Monitor(Orders(pace: CommitPace(options)))
    }

    /// Starts the thread, which takes `writer` over.
    func start(_ environment: Environment, _ databases: Databases, _ meta: Meta) {
        let isDirty = state.head > meta.checkpoint
        orders.withLock { $0.isDirty = isDirty }
        let started = OSThread { [self] in
            var writer = LogWriter(
                environment: environment, databases: databases, cursors: cursors, meta: meta, options: options)
            run(&writer)
        }
        thread.withLock { $0 = started }
    }

    /// Commits were made; so much load waits now, `before` waited before them.
    func committed(load: Int, before: Int) {
        if before == 0 { orders.notify { $0.isDirty = true } }
        if load >= options.checkpointBytes, before < options.checkpointBytes {
            orders.notify { $0.isUrgent = true }
        }
    }

    /// Whether a commit should wait a little before it adds to the `load` that waits.
    func isPaced(load: Int) -> Bool { orders.withLock { $0.pace.delay(load: load) > 0 } }

    /// Waits until a commit may add to the `load` that waits, without using up the room before the checkpoint that is under
    /// way will have ended. Blocks.
    func keepPace(load: Int) {
        let seconds = orders.withLock { $0.pace.delay(load: load) }
        guard seconds > 0 else { return }
        orders.wait(seconds: seconds) { $0.pace.delay(load: load) > 0 ? nil : () }
    }

    /// Blocks until a checkpoint was made of all that was committed before the call.
    ///
    /// - Throws: what it threw.
    func checkpoint() throws {
        let begun = orders.notify { orders in
            orders.isUrgent = true
            return orders.begun
        }
        // An attempt may have been under way; the one after it began after this call.
        try orders.wait { try $0.isOver(after: begun) }
    }

    /// How many attempts to checkpoint have ended, well or not.
    var attempts: UInt64 { orders.withLock { $0.attempts } }

    /// Blocks until another attempt has ended than the first `seen`: one that is under way is as good as any for who wants
    /// the room that it will make.
    ///
    /// - Throws: what it threw.
    func awaitAttempt(after seen: UInt64) throws {
        orders.notify { orders in
            if orders.begun == seen { orders.isUrgent = true }
        }
        try orders.wait { try $0.isOver(after: seen) }
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

    /// Merges the small blocks of all that is checkpointed. `completion` is called at the end.
    func seal(
        progress: (@Sendable (Int64, Int64) -> Void)?,
        completion: @escaping @Sendable (Result<Void, StoreError>) -> Void
    ) {
        let isStopping = orders.notify { orders in
            if !orders.isStopping { orders.seals.append(.init(progress: progress, completion: completion)) }
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

    /// Why history that should go does not, if it does not.
    var compactionFailure: StoreError? { orders.withLock { $0.compactionFailure } }

    // MARK: On the thread

    private func run(_ writer: inout LogWriter) {
        // A step that failed is not tried again before a checkpoint succeeds or somebody asks.
        var goesOn = retain(&writer)
        var rhythm = CheckpointRhythm(options)
        while true {
            rhythm.compacts = goesOn && writer.hasCompactionWork
            rhythm.seals = goesOn && writer.hasSealingWork
            rhythm.ages = writer.meta.earliest < writer.meta.checkpoint
            switch nextJob(&rhythm) {
            case .checkpoint:
                let before = writer.meta
                goesOn = checkpoint(&writer) ? retain(&writer) : goesOn
                rhythm.checkpointed(
                    revisions: writer.meta.checkpoint - before.checkpoint,
                    bytes: writer.meta.logRawBytes - before.logRawBytes)
            case .acknowledge:
                orders.withLock { $0.isAcknowledged = false }
                // What fails stays pending and is tried again after the interval.
                try? cursors.write(writer.environment)
                rhythm.did(.acknowledge)
            case .serve: serve(&writer)
            case .compact:
                goesOn = compact(&writer)
                rhythm.compacted()
            case .retain:
                goesOn = retain(&writer)
                rhythm.did(.retain)
            case .seal:
                let time = ContinuousClock().measure { goesOn = seal(&writer) }
                rhythm.sealed(in: time, isDirty: orders.withLock { $0.isDirty })
            case .stop:
                serve(&writer)
                if checkpoint(&writer) { noteClosing(&writer) }
                let abandoned = orders.withLock { orders in
                    defer { (orders.compactions, orders.seals) = ([], []) }
                    return orders.compactions.map(\.completion) + orders.seals.map(\.completion)
                }
                for completion in abandoned { completion(.failure(StoreError(.closed, "the store was closed"))) }
                return
            }
        }
    }

    /// Notes that the journal has nothing that LMDB lacks, and gives back what it took. If that fails, opening the store
    /// takes a little longer.
    private func noteClosing(_ writer: inout LogWriter) {
        guard let epoch = journal.closingEpoch, state.head == writer.meta.checkpoint else { return }
        if epoch != writer.meta.closedEpoch {
            guard let meta = try? writer.commit({ next, _ in next.closedEpoch = epoch }) else { return }
            writer.meta = meta
        }
        // Segments that stay are used by who opens it next.
        try? journal.trim()
    }

    private func nextJob(_ rhythm: inout CheckpointRhythm) -> Job {
        while true {
            let (isDirty, isAcknowledged) = orders.withLock { ($0.isDirty, $0.isAcknowledged) }
            rhythm.set(isDirty: isDirty, isAcknowledged: isAcknowledged)
            let job: Job?? = orders.wait(seconds: rhythm.seconds()) { [rhythm] orders in
                if let job = Self.job(orders, rhythm) { return .some(job) }
                return orders.isDirty == isDirty && orders.isAcknowledged == isAcknowledged ? nil : .some(nil)
            }
            switch job {
            case .some(let job?): return job
            case .some(nil): continue
            case nil: return rhythm.next.map(Job.init) ?? .checkpoint
            }
        }
    }

    /// What is to be done at once.
    private static func job(_ orders: Orders, _ rhythm: CheckpointRhythm) -> Job? {
        if orders.isStopping { return .stop }
        if orders.isUrgent, !rhythm.isCompactionsTurn { return .checkpoint }
        if !orders.requests.isEmpty { return .serve }
        if orders.isDirty, rhythm.isCheckpointDue() { return .checkpoint }
        if !orders.compactions.isEmpty || rhythm.compacts { return .compact }
        return !orders.seals.isEmpty || rhythm.isSealDue() ? .seal : nil
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
            $0.begun += 1
            $0.isUrgent = false
            $0.isDirty = false
            $0.isAcknowledged = false
        }
        var failure: StoreError?
        do {
            let frozen = state.freeze()
            orders.withLock { $0.pace.began(load: frozen.load) }
            if frozen.head > writer.meta.checkpoint {
                let hurry = options.pendingBytes - (options.pendingBytes - frozen.load) / Limits.unyieldingShare
                try durations.measure { try writer.checkpoint(frozen) { state.load < hurry } }
            } else {
                try writer.checkpoint(frozen)
            }
            state.checkpointed(frozen)
            journal.release(through: frozen.head)
            cache.rest()
            Failpoint.reach(.segmentReleased)
        } catch {
            failure = note(error)
        }
        // What was committed meanwhile waits for the next round; so does everything, after a failure.
        let load = state.snapshot.load
        orders.notify { orders in
            orders.attempts += 1
            orders.failure = failure
            orders.pace.ended(isDone: failure == nil)
            if load > 0 { orders.isDirty = true }
            if failure == nil, load >= options.checkpointBytes { orders.isUrgent = true }
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
            let floor = options.retention.isUnlimited ? nil : try writer.cursorFloor()
            if try writer.retain(options.retention, now: wallClockMilliseconds(), floor: floor) {
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

    /// One step; false if it failed.
    private func seal(_ writer: inout LogWriter) -> Bool {
        let requests = orders.withLock { $0.seals }
        var result: Result<Void, StoreError>?
        do {
            if try writer.sealingStep(completely: !requests.isEmpty) { result = .success(()) }
        } catch {
            result = .failure(note(error))
        }
        let meta = writer.meta
        for request in requests {
            request.progress?(max(0, meta.sealed - meta.dropped), meta.checkpoint - meta.dropped + 1)
        }
        if let result {
            orders.withLock { $0.seals.removeFirst(requests.count) }
            for request in requests { request.completion(result) }
        }
        if case .failure = result { return false }
        return true
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
