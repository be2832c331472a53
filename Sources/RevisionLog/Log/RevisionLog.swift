package import Changes
import LMDB

/// The durable half of a store, for the one process that writes it: commits go to the journal and become visible,
/// the checkpointer moves them into LMDB.
///
/// `append` is for one thread, the committer's. Everything else may be called from anywhere.
package final class RevisionLog: Sendable {
    package let reader: LogReader
    /// The cursors that watches of this process use.
    package let cursors: CursorLedger
    /// The leases, while this process has the store open for writing.
    package let leases: LeaseTable
    package let options: LogOptions
    let durability: Durability
    private let lock: WriterLock
    private let journal: Journal
    private let checkpointer: Checkpointer
    private let flusher: Flusher?
    private let spares: SpareKeeper
    private let commits = DurationCounters()

    /// Opens the store in the directory at `path` for writing; if there is nothing, and `creates`, a new one.
    package init(
        path: String, creates: Bool = true, options: LogOptions = LogOptions(), durability: Durability = .sync,
        faults: JournalFaults? = nil, leaseClock: @escaping @Sendable () -> LeaseTable.Instant = { .now }
    ) throws {
        try options.validate()
        if creates {
            try StoreDirectory.prepare(path)
        } else {
            try StoreDirectory.require(path)
        }
        lock = try WriterLock(directory: path)
        let store = try storeErrors { try StoreDirectory.open(path, options: options) }
        let state = LogState(
            LogSnapshot(
                head: store.meta.checkpoint, checkpoint: store.meta.checkpoint, compacted: store.meta.compacted))
        journal = try Journal(
            directory: path, storeTag: UInt32(truncatingIfNeeded: store.meta.storeID),
            lengths: SegmentLengths(options), checkpoint: store.meta.checkpoint, closedEpoch: store.meta.closedEpoch,
            flushesFirst: durability != .sync, faults: faults
        ) { frames in state.append(try JournalPayload.runs(frames.count) { try frames.frame($0) }) }
        reader = LogReader(
            environment: store.environment, databases: store.databases, state: state, storeID: store.meta.storeID)
        self.options = options
        self.durability = durability
        cursors = CursorLedger(reader: reader, interval: options.cursorInterval)
        leases = LeaseTable(now: leaseClock)
        try reader.load(into: leases)
        checkpointer = Checkpointer(
            state: state, journal: journal, cache: reader.cache, cursors: cursors, options: options)
        if let database = store.databases.cursors {
            try storeErrors { [cursors] in try cursors.takeBack(to: state.head, database) }
        }
        try lock.publish(head: state.head)
        // Threads come last: whoever fails to open a store leaves none behind.
        if case .interval(let interval) = durability {
            flusher = Flusher(journal: journal, interval: interval)
        } else {
            flusher = nil
        }
        spares = SpareKeeper(journal: journal)
        cursors.attach(checkpointer)
        checkpointer.start(store.environment, store.databases, store.meta)
    }

    /// Makes `batch`, the next revisions, as durable as the store promises, and visible. Blocks for the flush, and for
    /// the checkpointer if too much waits for it. For the committer's thread only. `visible` is called as soon as the
    /// readers of this process see it, before other processes are told. `underway` is called at most once, while the disk
    /// writes the batch, if it can be done, or just before: what it does takes no time of its own.
    ///
    /// - Throws: `StoreError` with `.full` if there is no room, or what keeps the checkpointer from making some, after which a
    ///   later batch may succeed; with `.readOnly` after a failed write or flush, for good. The batch is not visible then.
    package func append(
        _ batch: ChangeBatch, underway: (() -> Void)? = nil, visible: (ChangeBatch) -> Void = { _ in }
    ) throws {
        try commits.measure { try commit(batch, underway, visible) }
    }

    private func commit(_ batch: ChangeBatch, _ underway: (() -> Void)?, _ visible: (ChangeBatch) -> Void) throws {
        let payload = JournalPayload(batch)
        try admit(batch.load, payload)
        let isDurable = try journal.append(
            payload.header, payload: payload.bytes, durably: durability == .sync, underway: underway)
        Failpoint.reach(.frameWritten)
        if durability == .sync, !isDurable { try journal.flush() }
        Failpoint.reach(.frameFlushed)
        let load = reader.state.append(batch)
        Failpoint.reach(.batchVisible)
        visible(batch)
        // The commit stands, whatever becomes of this: followers in other processes learn of it with the next one.
        try? lock.publish(head: batch.lastRevision)
        Failpoint.reach(.headPublished)
        checkpointer.committed(load: load, before: load - batch.load)
    }

    /// Whether a batch of that `load`, of which the journal takes `stored` bytes, would be appended without waiting for the
    /// checkpointer.
    package func appendsAtOnce(load: Int, stored: Int) -> Bool {
        hasRoom(for: load, stored: stored) && !checkpointer.isPaced(load: reader.snapshot.load)
    }

    /// Whether memory has room for so much `load` more, and the journal for `stored` bytes.
    private func hasRoom(for load: Int, stored: Int) -> Bool {
        let pending = reader.snapshot.load
        return (pending == 0 || pending + load <= options.pendingBytes) && journal.hasRoom(for: stored)
    }

    /// Waits until there is room, and as long as makes the room last.
    private func admit(_ load: Int, _ payload: JournalPayload) throws {
        while true {
            // Before the look, or a checkpoint that ends between the two would not be noticed.
            let seen = checkpointer.attempts
            if hasRoom(for: load, stored: payload.bytes.count) { break }
            do {
                try checkpointer.awaitAttempt(after: seen)
            } catch {
                var error = StoreError(wrapping: error)
                if error.code == .readOnly { throw error }
                error.message =
                    "\(reader.snapshot.pendingBytes) bytes wait to be checkpointed, which fails: \(error.message); then try again"
                throw error
            }
        }
        checkpointer.keepPace(load: reader.snapshot.load)
    }

    /// Forgets what is before `revision`, in LMDB too. `completion` is called, on another thread, when that is done.
    package func compact(
        through revision: Revision, overridesCursors: Bool = false,
        completion: @escaping @Sendable (Result<Void, StoreError>) -> Void
    ) {
        let snapshot = reader.snapshot
        if revision > snapshot.head {
            completion(.failure(.future(requested: revision, head: snapshot.head)))
        } else if revision <= snapshot.compacted {
            completion(.failure(.compactedAlready(requested: revision, earliest: snapshot.earliest)))
        } else {
            checkpointer.compact(revision, overridesCursors: overridesCursors, completion: completion)
        }
    }

    /// Gives the free pages of LMDB's file back. `completion` is told its size before and after, on another thread.
    package func shrink(
        completion: @escaping @Sendable (Result<(before: Int, after: Int), StoreError>) -> Void
    ) {
        checkpointer.perform({ try $0.shrink() }, completion: completion)
    }

    /// Merges the small blocks of the log, also the last ones. `progress` is told revisions done and in all; `completion` is
    /// called, on another thread, at the end. Blocks for a checkpoint first.
    package func seal(
        progress: (@Sendable (Int64, Int64) -> Void)? = nil,
        completion: @escaping @Sendable (Result<Void, StoreError>) -> Void
    ) {
        do {
            try checkpointer.checkpoint()
            checkpointer.seal(progress: progress, completion: completion)
        } catch {
            completion(.failure(StoreError(wrapping: error)))
        }
    }

    /// Runs `body` on the thread that writes to LMDB.
    func perform<R: Sendable>(
        _ body: @escaping @Sendable (inout LogWriter) throws -> R,
        completion: @escaping @Sendable (Result<R, StoreError>) -> Void
    ) {
        checkpointer.perform(body, completion: completion)
    }

    /// Frees `garbage` on the thread that writes to LMDB, if that is the last to have it: what consists of very many objects
    /// takes long to free.
    package func letGo(_ garbage: some Sendable) {
        checkpointer.perform({ _ in withExtendedLifetime(garbage) {} }, completion: { _ in })
    }

    /// Moves everything into LMDB. Blocks.
    package func checkpoint() throws {
        try checkpointer.checkpoint()
    }

    /// Moves everything into LMDB and ends the threads. Blocks. Nothing may be appended afterwards.
    ///
    /// - Throws: what the last checkpoint threw. Nothing is lost then: the journal has it.
    package func close() throws {
        flusher?.stop()
        spares.stop()
        defer {
            cursors.detach()
            reader.environment.close()
            lock.release()
        }
        try checkpointer.stop()
    }

    /// Sizes and positions, the journal's included.
    package func statistics() throws -> StoreStatistics {
        var statistics = try reader.statistics()
        let segments = journal.segmentBytes
        statistics.journalSegments = segments.count
        statistics.journalBytes = segments.reduce(0, +)
        statistics.compactionFailure = checkpointer.compactionFailure
        return statistics
    }

    /// What was counted since it was opened.
    package var metrics: LogMetrics {
        var metrics = LogMetrics()
        metrics.commits = commits.histogram
        metrics.flushes = journal.flushes.histogram
        metrics.checkpoints = checkpointer.durations.histogram
        return metrics
    }
}
