public import Changes
import RevisionLog
import Threads
import WatchDispatch

/// A durable key-value store whose every change is kept and can be watched, from any retained revision.
///
/// ```swift
/// let store = try await WatchStore.open("config-data")
/// try await store.put("services/web", "10.0.0.7")
/// for try await event in try store.watch(.prefix("services/"), from: .earliest).events {
///     print(event.revision, event.type, event.key, event.value)
/// }
/// ```
///
/// A store is a directory. One process writes it; any number may read and follow it (``StoreOptions/Access/readOnly``).
/// Within a process open it once and share the object, which any task may use.
///
/// Writes are acknowledged when they are durable (``Durability``) and visible. Reads go to memory and to a memory map:
/// they wait for no writer, but a page that is not in memory is read from disk.
///
/// Every method throws a ``StoreError``; after ``close()`` its code is `.closed`.
public final class WatchStore: Sendable {
    /// The half that makes commits, or takes them over from another process.
    private enum Source {
        case committing(RevisionLog, Committer, LeaseExpiry)
        case following(LogFollower)
    }

    /// The directory, as it was given to ``open(_:options:)``.
    public let path: String
    private let source: Source
    let reader: LogReader
    /// The cursors that watches of this process use.
    let ledger: CursorLedger
    let registry: WatchRegistry
    private let replayed = Counter()
    private let dispatching: Task<Void, Never>
    private let closed = ClosedFlag()
    /// Why a store that another process writes cannot be followed any more.
    private let failure: Lock<StoreError?>

    /// Opens the store in the directory at `path`. With read-write access the directory is created if it is not there,
    /// unless ``StoreOptions/createsStore`` forbids it.
    ///
    /// What was committed and not checkpointed before a crash is read from the journal, at most
    /// ``LogOptions/pendingBytes`` of it.
    ///
    /// - Throws: `.locked` if another process writes it, naming that; `.notAStore`, `.unsupportedFormat`, `.damaged` for
    ///   what is in the directory; `.io` if it cannot be read or created; `.invalidArgument` for an option that cannot be.
    public static func open(_ path: String, options: StoreOptions = StoreOptions()) async throws -> WatchStore {
        try await open(path, options: options, faults: nil, clock: wallClockMilliseconds)
    }

    /// The same, with a disk that fails when a test wants it, and a clock that says what the test wants.
    static func open(
        _ path: String, options: StoreOptions, faults: JournalFaults? = nil,
        clock: @escaping @Sendable () -> Int64 = wallClockMilliseconds,
        leaseClock: @escaping @Sendable () -> LeaseTable.Instant = { .now }
    ) async throws -> WatchStore {
        // Opening reads and may flush: not on a thread of the tasks.
        try await onThread { try WatchStore(path, options, faults, clock, leaseClock) }
    }

    private init(
        _ path: String, _ options: StoreOptions, _ faults: JournalFaults?, _ clock: @escaping @Sendable () -> Int64,
        _ leaseClock: @escaping @Sendable () -> LeaseTable.Instant
    ) throws {
        self.path = path
        try Self.requireSize(options.watch.eventQueueSize, "watch.eventQueueSize")
        try Self.requireSize(options.watch.watcherBufferSize, "watch.watcherBufferSize")
        let registry = WatchRegistry(config: options.watch)
        self.registry = registry
        let failure = Lock<StoreError?>(nil)
        self.failure = failure
        let dispatcher: WatchDispatcher
        switch options.access {
        case .readWrite:
            let log = try RevisionLog(
                path: path, creates: options.createsStore, options: options.log, durability: options.durability,
                faults: faults, leaseClock: leaseClock)
            reader = log.reader
            ledger = log.cursors
            dispatcher = Self.dispatcher(registry, log.reader)
            let committer = Committer(log: log, clock: clock) { dispatcher.announce($0) }
            source = .committing(log, committer, LeaseExpiry(log: log, committer: committer))
        case .readOnly:
            let follower = try LogFollower(path: path, options: options.log)
            reader = follower.reader
            ledger = follower.cursors
            dispatcher = Self.dispatcher(registry, follower.reader)
            source = .following(follower)
        }
        dispatching = Task.detached { await dispatcher.run() }
        if case .following(let follower) = source {
            follower.start(
                committed: { dispatcher.announce($0) },
                ended: { error in
                    // Before the watches end, so that they know why.
                    failure.withLock { $0 = error }
                    registry.shutdown()
                })
        }
    }

    private static func requireSize(_ size: Int, _ name: String) throws(StoreError) {
        if WatchConfig.sizes.contains(size) { return }
        throw StoreError(
            .invalidArgument,
            "\(name) is \(size); it must be from \(WatchConfig.sizes.lowerBound) to \(WatchConfig.sizes.upperBound)")
    }

    private static func dispatcher(_ registry: WatchRegistry, _ reader: LogReader) -> WatchDispatcher {
        WatchDispatcher(registry: registry, source: HistorySource(reader: reader), lastDispatched: reader.head)
    }

    deinit {
        // A store that was dropped without `close` still gives its lock and threads back.
        guard closed.set() else { return }
        registry.shutdown()
        let source = source
        _ = OSThread { try? Self.end(source) }
    }

    /// Commits what waits, moves it from the journal into LMDB, ends all watches and gives the directory free for
    /// others. May be called again.
    public func close() async throws {
        guard closed.set() else { return }
        registry.shutdown()
        let source = source
        try await onThread { try Self.end(source) }
        await dispatching.value
    }

    private static func end(_ source: Source) throws {
        switch source {
        case .committing(let log, let committer, let leases):
            leases.stop()
            committer.stop()
            try log.close()
        case .following(let follower):
            follower.close()
        }
    }

    // MARK: Positions

    /// The newest revision that is visible; 0 in a new store.
    public var head: Revision { reader.head }

    /// The oldest revision that a read or a watch may start from.
    public var earliest: Revision { reader.snapshot.earliest }

    // MARK: Access for the facets

    /// Throws if the store is closed, or what it says would stay as it is for ever because it cannot be followed.
    func requireOpen() throws(StoreError) {
        if closed.isSet { throw StoreError(.closed, "the store is closed") }
        if let failure = failure.withLock({ $0 }) { throw failure }
    }

    /// The committer, if this process may write.
    func requireCommitter() throws(StoreError) -> (RevisionLog, Committer) {
        try requireOpen()
        guard case .committing(let log, let committer, _) = source else {
            throw StoreError(.readOnly, "the store was opened read-only; open it with read-write access to change it")
        }
        return (log, committer)
    }

    /// What ends leases, if this process may write.
    func requireLeases() throws(StoreError) -> LeaseExpiry {
        _ = try requireCommitter()
        guard case .committing(_, _, let leases) = source else {
            throw StoreError(.readOnly, "the store was opened read-only; open it with read-write access to change it")
        }
        return leases
    }

    /// Sizes and positions.
    public func statistics() throws -> StoreStatistics {
        try requireOpen()
        switch source {
        case .committing(let log, _, _): return try log.statistics()
        case .following(let follower): return try follower.statistics()
        }
    }

    /// What the live path has counted since the store was opened.
    public var watchMetrics: WatchMetrics { registry.metrics }

    /// What the durable half has counted since the store was opened; nothing in a process that only reads.
    public var logMetrics: LogMetrics {
        if case .committing(let log, _, _) = source { log.metrics } else { LogMetrics() }
    }

    /// Updates that watches have read from the log since the store was opened, instead of having them live.
    public var replayedUpdates: Int { replayed.value }

    /// Returns when everything is visible here that was visible in the process that writes, when this was called. Blocks.
    func catchUp() throws {
        if case .following(let follower) = source { try follower.catchUp() }
        try requireOpen()
    }

    // MARK: Watching

    /// Watches `keys` from `start` on.
    ///
    /// What is committed after the call, or concurrently, is neither missed nor seen twice. A revision that has not been
    /// made yet is waited for. A start before the retained history fails when the watch is read, with `.compacted`.
    ///
    /// - Throws: `.invalidArgument` for a revision below 1, a negative number of revisions, a buffer size that is not one of
    ///   `WatchConfig.sizes`, or a cursor's name or hold that cannot be; `.cursorInUse` if another watch of this process uses the cursor,
    ///   `.cursorFailed` if it has gone beyond its bound, `.readOnly` if this process may not write the store's files. A start
    ///   by time is looked for in the log, and throws what reading throws.
    public func watch(
        _ keys: KeyRange, from start: WatchStart = .now, options: WatchOptions = WatchOptions()
    ) throws -> Watch {
        try requireOpen()
        try requireStart(start)
        if let size = options.bufferSize { try Self.requireSize(size, "bufferSize") }
        var start = start
        var cursor: CursorUse?
        if case .cursor(let name) = start {
            let (use, position) = try useCursor(name, options.cursor)
            start = position
            cursor = use
        }
        return Watch(
            WatchStorage(
                reader: reader, registry: registry, keys: keys, start: try resolved(start), options: options,
                cursor: cursor, allReplayed: replayed,
                closed: closed,
                failure: { [failure] in failure.withLock { $0 } }))
    }

    func requireStart(_ start: WatchStart) throws(StoreError) {
        if case .revision(let revision) = start, revision < 1 {
            throw StoreError(.invalidArgument, "a watch cannot start from revision \(revision); the first is 1")
        }
        if case .last(let count) = start, count < 0 {
            throw StoreError(.invalidArgument, "a watch cannot start \(count) revisions back; give 0 or more")
        }
    }
}

extension WatchStore {
    /// `start` by revision, if it is by time.
    func resolved(_ start: WatchStart) throws -> WatchStart {
        guard case .time(let milliseconds) = start else { return start }
        do {
            return .revision(try reader.firstRevision(atOrAfter: milliseconds))
        } catch let error as StoreError where error.code == .compacted {
            // As for any other start that is gone, the watch says so when it is read.
            return error.requested.map { .revision($0) } ?? .earliest
        }
    }
}

/// The log as the dispatcher reads it, to fill a hole that the queue left.
private struct HistorySource: UpdateSource {
    let reader: LogReader

    func updates(from: Revision, through: Revision, limit: Int) throws -> (updates: [WatchUpdate], next: Revision) {
        let step = try reader.scan(nil, from: from, through: through, limit: limit)
        return (Array(step.updates), step.next)
    }
}

/// Runs `body`, which blocks, on a thread of its own.
package func onThread<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
    try await withCheckedThrowingContinuation { continuation in
        _ = OSThread { continuation.resume(with: Result { try body() }) }
    }
}
