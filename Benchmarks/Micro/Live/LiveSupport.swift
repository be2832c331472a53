import Foundation
import WatchDispatch

/// One put of `key`.
func update(_ revision: Int, _ key: Bytes) -> WatchUpdate {
    WatchUpdate(
        revision: Revision(revision),
        events: [WatchEvent(type: .put, key: key, value: "value", revision: Revision(revision))])
}

/// A registry with a dispatcher that runs.
struct Live {
    let registry: WatchRegistry
    let dispatching: Task<Void, Never>

    init(_ config: WatchConfig = WatchConfig(), source: (any UpdateSource)? = nil) {
        let registry = WatchRegistry(config: config)
        self.registry = registry
        dispatching = Task.detached { await WatchDispatcher(registry: registry, source: source).run() }
    }

    /// Blocks until the counters say so. Allocates nothing, so that it may be part of what is counted.
    func blockUntil(_ holds: (WatchMetrics) -> Bool) {
        while !holds(registry.metrics) { usleep(100) }
    }

    /// Waits until the dispatcher routes to so many watchers.
    func awaitWatchers(_ count: Int) async {
        while registry.metrics.watchers != count { await Task.yield() }
    }

    /// Waits until everything announced is dispatched, and ends.
    func end() async {
        registry.shutdown()
        await dispatching.value
    }
}

/// Runs `body`, and blocks until it is done: for benchmarks that run outside of tasks.
func blockUntil(_ body: @escaping @Sendable () async -> Void) {
    let finished = DispatchSemaphore(value: 0)
    Task.detached {
        await body()
        finished.signal()
    }
    finished.wait()
}
