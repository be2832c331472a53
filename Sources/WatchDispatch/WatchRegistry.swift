public import Changes
import Synchronization
import Threads

/// Where watchers are registered and updates announced. The ``WatchDispatcher`` brings the two together.
///
/// ```swift
/// let registry = WatchRegistry()
/// let dispatching = Task { await WatchDispatcher(registry: registry).run() }
/// let handle = registry.register(.prefix("jobs/"))
/// registry.notify(WatchUpdate(revision: 1, events: [WatchEvent(type: .put, key: "jobs/1", revision: 1)]))
/// ```
///
/// `notify` never waits: it costs some nanoseconds, or one wake-up of a sleeping task if nothing was announced for a while;
/// and what the queue has no room for is dropped, counted, and told to the watchers. Registering takes no lock either. An
/// update that is announced after `register` has returned reaches that watcher.
public final class WatchRegistry: Sendable {
    /// What the dispatcher is asked to do.
    enum Command: Sendable {
        case register(Watcher)
        case unregister(Watcher)
        /// Tell the watcher when everything through the revision, which was or will be announced, was offered to it.
        case progress(Watcher, through: Revision)
    }

    /// The sizes that it was made with.
    public let config: WatchConfig
    let queue: EventQueue
    let wakeUp = WakeUp()
    let counters: WatchCounters
    private let commands = CommandStack()
    private let isShutDown = Atomic(false)
    private let isDispatching = Atomic(false)
    /// What the running dispatcher does, for who does it in its place.
    private let dispatch = Lock<Dispatch?>(nil)

    /// - Precondition: the sizes in `config` are among ``WatchConfig/sizes``.
    public init(config: WatchConfig = WatchConfig()) {
        for size in [config.eventQueueSize, config.watcherBufferSize] { Self.requireSize(size) }
        self.config = config
        queue = EventQueue(capacity: config.eventQueueSize)
        counters = WatchCounters(isDetailed: config.enableMetrics)
    }

    private static func requireSize(_ size: Int) {
        precondition(WatchConfig.sizes.contains(size), "a size of \(size); it must be in \(WatchConfig.sizes)")
    }

    /// Registers a watcher of `keys`.
    ///
    /// - Parameters:
    ///   - types: Puts, deletes or both.
    ///   - overflow: What happens when its buffer is full.
    ///   - bufferSize: Updates that may wait to be read, one of ``WatchConfig/sizes``; nil for the configured size.
    public func register(
        _ keys: KeyRange, types: WatchTypes = .all, overflow: OverflowPolicy = .drop, bufferSize: Int? = nil
    ) -> WatcherHandle {
        let size = bufferSize ?? config.watcherBufferSize
        Self.requireSize(size)
        let watcher = Watcher(filter: WatchFilter(keys: keys, types: types), policy: overflow, capacity: size)
        let handle = WatcherHandle(watcher, self)
        if config.enabled { submit(.register(watcher)) } else { watcher.finish() }
        return handle
    }

    /// Announces one revision, and hands it over. Who keeps the update too pays for one more reference to it.
    public func notify(_ update: consuming WatchUpdate) {
        guard config.enabled else { return }
        let record = Int(update.record)
        push(update.takeBatch(), record..<record + 1)
        if wakeUp.isAsleep { endSleep() }
    }

    /// Announces all revisions of `batch`, with one wake-up.
    public func notify(_ batch: consuming ChangeBatch) {
        let count = batch.recordCount
        enqueue(batch)
        // Several are a burst already.
        if count == 1, wakeUp.isAsleep { endSleep() } else { wakeUp.wake() }
    }

    /// Has somebody dispatch what was announced while the dispatcher slept. To wake its only reader costs the caller what it
    /// would cost to wake the dispatcher, and that reader has the update one wake-up earlier. In a burst the dispatcher is
    /// woken, so that the updates to come cost nanoseconds.
    private func endSleep() {
        let dispatch = dispatch.withLock { $0 }
        let stoodIn = dispatch?.standIn(deliveries: Limits.deliveriesByNotify, pause: Limits.pauseBeforeNotify)
        if stoodIn != true { wakeUp.wake() }
    }

    /// Announces all revisions of `batch` to whoever dispatches next; it has to be seen to that somebody does.
    func enqueue(_ batch: consuming ChangeBatch) {
        guard config.enabled else { return }
        let records = 0..<batch.recordCount
        push(batch, records)
    }

    private func push(_ batch: consuming ChangeBatch, _ records: Range<Int>) {
        counters.countDetail(.queued, queue.push(batch, records))
    }

    /// Ends all watchers, after what was announced before has been dispatched. Later announcements do nothing.
    public func shutdown() {
        isShutDown.store(true, ordering: .sequentiallyConsistent)
        if isDispatching.load(ordering: .sequentiallyConsistent) {
            wakeUp.wake()
        } else {
            finishCommands()
        }
    }

    /// What has been counted so far.
    public var metrics: WatchMetrics {
        counters.snapshot(dropped: queue.dropped.count)
    }

    // MARK: For the handles and the dispatcher

    func submit(_ command: Command) {
        commands.push(command)
        if isShutDown.load(ordering: .sequentiallyConsistent), !isDispatching.load(ordering: .sequentiallyConsistent) {
            finishCommands()
        } else {
            wakeUp.wake()
        }
    }

    var isStopping: Bool { isShutDown.load(ordering: .sequentiallyConsistent) }
    var hasCommands: Bool { !commands.isEmpty }
    /// Whether the dispatcher, which has dealt with so many drops, has something to do. A drop counts by itself: the
    /// queue that was full for a producer may be empty again when that gets to count it.
    func hasWork(droppedSeen: UInt64) -> Bool {
        !queue.isEmpty || hasCommands || queue.dropped.count != droppedSeen
    }
    func takeCommands() -> [Command] { commands.takeAll() }

    /// The dispatcher starts; false if one runs already.
    func beginDispatching(_ dispatch: Dispatch) -> Bool {
        if isDispatching.exchange(true, ordering: .sequentiallyConsistent) { return false }
        self.dispatch.withLock { $0 = dispatch }
        return true
    }

    /// The dispatcher ends, and so does everything that would wait for it.
    func endDispatching() {
        isShutDown.store(true, ordering: .sequentiallyConsistent)
        dispatch.withLock { $0 = nil }
        isDispatching.store(false, ordering: .sequentiallyConsistent)
        finishCommands()
    }

    private func finishCommands() {
        for case .register(let watcher) in commands.takeAll() { watcher.finish() }
    }
}
