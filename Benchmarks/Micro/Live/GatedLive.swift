import WatchDispatch

/// Watchers, and a dispatcher that waits at a gate until a round of updates is on the queue.
final class GatedLive {
    let handles: [WatcherHandle]
    private let live: Live
    private let gate = Gate()
    private var revision = 2

    /// - Parameter buffer: How many updates of a round one watcher may get.
    init(_ watched: [KeyRange], buffer: Int) {
        live = Live(WatchConfig(watcherBufferSize: buffer), source: gate)
        let registry = live.registry
        handles = watched.map { registry.register($0) }
        live.blockUntil { $0.watchers == watched.count }
        stop()
        gate.awaitArrival()
    }

    /// Leaves a revision out.
    private func stop() {
        live.registry.notify(update(revision + 1, "gate"))
        revision += 2
    }

    /// Announces updates of `keys`, not more than the queue holds, and returns them. As long as the caller keeps them,
    /// as a store keeps what is recent, nobody spends time on giving their memory back.
    func announce(_ keys: [Bytes]) -> [WatchUpdate] {
        let updates = keys.enumerated().map { update(revision + $0.offset, $0.element) }
        for update in updates { live.registry.notify(update) }
        revision += updates.count
        stop()
        return updates
    }

    /// Dispatches what was announced. Returns how many nanoseconds the dispatcher took.
    @discardableResult
    func dispatch() -> Int {
        gate.open()
        return gate.awaitArrival()
    }

    func end() {
        gate.open()
        let live = live
        blockUntil { await live.end() }
    }
}

/// Reads so many updates from each of `handles`. Returns how many nanoseconds that took.
@discardableResult
func take(_ updates: Int, from handles: [WatcherHandle]) -> Int {
    let time = Box(0)
    blockUntil {
        let start = now()
        for handle in handles {
            var elements = handle.makeAsyncIterator()
            for _ in 0..<updates { _ = try? await elements.next() }
        }
        time.value = now() - start
    }
    return time.value
}
