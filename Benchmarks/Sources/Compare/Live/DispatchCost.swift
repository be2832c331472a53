import WatchDispatch

/// What Vigil's dispatcher does with an update, by the number of watchers.
struct DispatchCost: Workload {
    let name = "dispatch"

    func measure(_ run: Run) async throws -> [Section] {
        let distinct = Section(
            "dispatch", "Vigil's dispatcher: one of many watchers on distinct keys", axis: "watchers",
            metrics: [Metric(id: "cost", title: "time for each update", unit: .nanoseconds)],
            text: """
                Each update changes one key, and one of the watchers is on that key. From the first `notify` to the \
                moment when a watcher of the last update has it.
                """)
        let fanOut = Section(
            "dispatch-fan-out", "Vigil's dispatcher: all watchers on one key", axis: "watchers",
            metrics: [
                Metric(id: "cost", title: "time for each delivery into a buffer", unit: .nanoseconds),
                Metric(id: "consumed", title: "deliveries read from the buffers", unit: .perSecond, isCharted: false),
            ],
            text: "Updates of one key that all watchers are on; then one task reads everything that their buffers hold."
        )
        await run.interleave(["Vigil"], rounds: run.rounds, name: \.self, in: distinct) { system, _ in
            for watchers in [1, 100, 10_000, 100_000] {
                let (cost, _) = await Self.measure(watchers: watchers, keys: watchers, updates: 200_000)
                distinct.record("cost", system, watchers, cost)
            }
            for watchers in [1, 10, 100, 1000] {
                let updates = min(200_000, 1_000_000 / watchers)
                let (cost, consumed) = await Self.measure(watchers: watchers, keys: 1, updates: updates)
                fanOut.record("cost", system, watchers, cost / Double(watchers))
                fanOut.record("consumed", system, watchers, consumed)
            }
        }
        return [distinct, fanOut]
    }

    /// Nanoseconds for each update, and updates read a second.
    private static func measure(watchers: Int, keys: Int, updates: Int) async -> (cost: Double, consumed: Double) {
        let registry = WatchRegistry(
            config: WatchConfig(eventQueueSize: updates + 1, watcherBufferSize: updates / keys + 1))
        let dispatching = Task { await WatchDispatcher(registry: registry).run() }
        let handles = (0..<watchers).map { registry.register(.key("key/\($0 % keys)")) }
        let last = registry.register(.key("last"))
        while registry.metrics.watchers < watchers + 1 { await Task.yield() }

        let batch = makeUpdates(updates, keys: keys)
        let final = WatchUpdate(revision: 1_000_000, events: [WatchEvent(type: .put, key: "last", revision: 1_000_000)])
        let start = now()
        for update in batch { registry.notify(update) }
        registry.notify(final)
        var end = last.makeAsyncIterator()
        _ = try? await end.next()
        let cost = Double(now() - start) / Double(updates)

        registry.shutdown()
        await dispatching.value
        let reading = now()
        var count = 0
        for handle in handles {
            do { for try await _ in handle { count += 1 } } catch { fatalError("\(error)") }
        }
        return (cost, Double(count) / (Double(now() - reading) / 1e9))
    }
}
