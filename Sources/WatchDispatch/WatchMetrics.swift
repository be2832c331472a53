public import Changes
import Synchronization

/// What the live path has counted. Those marked so only with ``WatchConfig/enableMetrics``.
public struct WatchMetrics: Sendable, Hashable {
    /// Updates that the queue had no room for.
    public var dropped: UInt64 = 0
    /// Updates that the dispatcher read from its source to fill the holes that these left.
    public var refilled: UInt64 = 0
    /// Holes that could not be filled, each a gap for every watcher.
    public var holes: UInt64 = 0
    /// Watchers that were parked, ended or lost an update because their buffer was full.
    public var overflows: UInt64 = 0
    /// Watchers that the dispatcher routes to now.
    public var watchers: UInt64 = 0
    /// Watchers that were parked, and have not yet caught up with the log.
    public var parked: UInt64 = 0
    /// The last revision that the dispatcher has dealt with.
    public var dispatchedThrough: Revision = 0
    /// Updates that were queued (detail).
    public var queued: UInt64 = 0
    /// Updates that were routed (detail).
    public var dispatched: UInt64 = 0
    /// Updates that were put into watchers' buffers (detail).
    public var delivered: UInt64 = 0
}

/// The counters behind ``WatchMetrics``.
final class WatchCounters: Sendable {
    let refilled = Atomic<UInt64>(0)
    let holes = Atomic<UInt64>(0)
    let overflows = Atomic<UInt64>(0)
    let watchers = Atomic<UInt64>(0)
    let parked = Atomic<UInt64>(0)
    let dispatchedThrough = Atomic<Revision>(0)
    let queued = Atomic<UInt64>(0)
    let dispatched = Atomic<UInt64>(0)
    let delivered = Atomic<UInt64>(0)
    private let isDetailed: Bool

    init(isDetailed: Bool) {
        self.isDetailed = isDetailed
    }

    enum Detail { case queued, dispatched, delivered }

    func countDetail(_ detail: Detail, _ count: Int = 1) {
        guard isDetailed else { return }
        let count = UInt64(count)
        switch detail {
        case .queued: queued.add(count, ordering: .relaxed)
        case .dispatched: dispatched.add(count, ordering: .relaxed)
        case .delivered: delivered.add(count, ordering: .relaxed)
        }
    }

    func snapshot(dropped: UInt64) -> WatchMetrics {
        WatchMetrics(
            dropped: dropped, refilled: refilled.load(ordering: .relaxed), holes: holes.load(ordering: .relaxed),
            overflows: overflows.load(ordering: .relaxed), watchers: watchers.load(ordering: .relaxed),
            parked: parked.load(ordering: .relaxed), dispatchedThrough: dispatchedThrough.load(ordering: .relaxed),
            queued: queued.load(ordering: .relaxed), dispatched: dispatched.load(ordering: .relaxed),
            delivered: delivered.load(ordering: .relaxed))
    }
}
