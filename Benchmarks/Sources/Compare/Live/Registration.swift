import WatchDispatch

/// What a watcher costs that nothing happens to: to register and release it, and to keep it; and what it costs to wake
/// the dispatcher.
struct Registration: Workload {
    let name = "registration"

    func measure(_ run: Run) async throws -> [Section] {
        let section = Section(
            "registration", "Vigil's watchers: registering, releasing, keeping", axis: "watchers",
            metrics: [
                Metric(id: "register", title: "registered", unit: .perSecond, isCharted: false),
                Metric(id: "release", title: "released", unit: .perSecond, isCharted: false),
                Metric(id: "memory", title: "memory for each, idle", unit: .bytes, isCharted: false),
            ],
            text: "Watchers on distinct keys, registered by one thread beside a running dispatcher.")
        let asleep = Section(
            "asleep", "Vigil's notify: the dispatcher sleeps", axis: "updates",
            metrics: [Metric(id: "p50", title: "p50 of notify", unit: .nanoseconds, isCharted: false)],
            text: "One update every two milliseconds, so that each has to wake the dispatcher up.")
        await run.interleave(["Vigil"], rounds: run.rounds, name: \.self, in: section) { system, _ in
            for count in [10_000, 100_000] {
                let figures = await Self.measure(count)
                section.record("register", system, count, figures.registered)
                section.record("release", system, count, figures.released)
                section.record("memory", system, count, figures.bytes)
            }
            asleep.record("p50", system, 200, await Self.asleep(200).percentile(0.5))
        }
        return [section, asleep]
    }

    private static func measure(_ count: Int) async -> (registered: Double, released: Double, bytes: Double) {
        let registry = WatchRegistry()
        let dispatching = Task { await WatchDispatcher(registry: registry).run() }
        var handles: [WatcherHandle] = []
        handles.reserveCapacity(count)
        // The keys are their owner's; only what the watchers add counts.
        let keys = (0..<count).map { Bytes("watch/\($0)") }
        let before = allocatedBytes()
        var start = now()
        for key in keys { handles.append(registry.register(.key(key))) }
        let registered = Double(count) / (Double(now() - start) / 1e9)
        while registry.metrics.watchers < count { await Task.yield() }
        let bytes = Double(allocatedBytes() - before) / Double(count)
        start = now()
        handles.removeAll()
        let released = Double(count) / (Double(now() - start) / 1e9)
        registry.shutdown()
        await dispatching.value
        return (registered, released, bytes)
    }

    private static func asleep(_ count: Int) async -> Times {
        let registry = WatchRegistry()
        let dispatching = Task { await WatchDispatcher(registry: registry).run() }
        let updates = makeUpdates()
        let times = await onThread {
            var times = Times()
            for update in updates.prefix(count) {
                block(until: now() + .milliseconds(2))
                let start = now()
                registry.notify(update)
                times.add(now() - start)
            }
            return times
        }
        registry.shutdown()
        await dispatching.value
        return times
    }
}
