public import Changes

/// Takes updates from a registry's queue and puts each into the buffers of the watchers it concerns.
///
/// It is one task, started by whoever owns it, and never waits for a watcher. With a ``UpdateSource`` it fills the holes
/// that a full queue leaves, once for all watchers; without, each hole becomes a gap in the stream of every watcher.
public final class WatchDispatcher: Sendable {
    private let registry: WatchRegistry
    let dispatch: Dispatch

    /// - Parameters:
    ///   - source: Makes revisions contiguous: what the queue had no room for is read from there.
    ///   - lastDispatched: The revision before the first that will be announced.
    public init(registry: WatchRegistry, source: (any UpdateSource)? = nil, lastDispatched: Revision = 0) {
        self.registry = registry
        dispatch = Dispatch(registry: registry, source: source, last: lastDispatched)
    }

    /// Dispatches until the registry is shut down or the task is cancelled; then the registry is shut down.
    ///
    /// - Precondition: no other dispatcher runs for the same registry, and this one has not run before.
    public func run() async {
        precondition(registry.beginDispatching(dispatch), "a registry has one running dispatcher at a time")
        var sinceYield = 0
        while !Task.isCancelled {
            let count = dispatch.round()
            sinceYield += count
            if count == 0 {
                let registry = registry
                let droppedSeen = dispatch.droppedSeen
                if registry.isStopping, !registry.hasWork(droppedSeen: droppedSeen) { break }
                await registry.wakeUp.sleep { registry.hasWork(droppedSeen: droppedSeen) || registry.isStopping }
                sinceYield = 0
            } else if sinceYield >= Limits.dispatchYield {
                await Task.yield()
                sinceYield = 0
            }
        }
        dispatch.finish()
        registry.endDispatching()
    }

    /// Announces all revisions of `batch`, as ``WatchRegistry/notify(_:)-(ChangeBatch)`` does, for a caller that can spare
    /// some microseconds: if the dispatcher sleeps, the caller's thread delivers to some dozens of watchers, and not only to
    /// one. That spares the wake-up, which costs the caller more than a few deliveries do, and the time until the task runs.
    public func announce(_ batch: ChangeBatch) {
        guard batch.recordCount <= Limits.updatesInPlace else { return registry.notify(batch) }
        registry.enqueue(batch)
        if !dispatch.standIn(deliveries: Limits.deliveriesInPlace) { registry.wakeUp.wake() }
    }
}
