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
            text: """
                Bursts of updates of one key that all watchers are on, each 100 000 deliveries; after each, one task reads \
                everything that their buffers hold. The first burst, for which the buffers get their memory, is not part \
                of the time.
                """)
        await run.interleave(["Vigil"], rounds: run.rounds, name: \.self, in: distinct) { system, _ in
            for watchers in [1, 100, 10_000, 100_000] {
                let (cost, _) = await Self.measure(watchers: watchers, keys: watchers, updates: 200_000)
                distinct.record("cost", system, watchers, cost)
            }
            for watchers in [1, 10, 100, 1000] {
                let (cost, consumed) = await Self.measure(
                    watchers: watchers, keys: 1, updates: 100_000 / watchers, bursts: 11)
                fanOut.record("cost", system, watchers, cost / Double(watchers))
                fanOut.record("consumed", system, watchers, consumed)
            }
        }
        return [distinct, fanOut]
    }

    /// Nanoseconds for each update, and updates read a second: of the only burst, or the medians of all but the first.
    private static func measure(
        watchers: Int, keys: Int, updates: Int, bursts: Int = 1
    ) async -> (cost: Double, consumed: Double) {
        let registry = WatchRegistry(
            config: WatchConfig(eventQueueSize: updates + 1, watcherBufferSize: updates / keys + 1))
        let dispatching = Task { await WatchDispatcher(registry: registry).run() }
        let handles = (0..<watchers).map { registry.register(.key("key/\($0 % keys)")) }
        var last = registry.register(.key("last")).makeAsyncIterator()
        while registry.metrics.watchers < watchers + 1 { await Task.yield() }

        var (costs, rates): ([Double], [Double]) = ([], [])
        for burst in 0..<bursts {
            let cost = await announce(updates, keys: keys, to: registry, &last)
            let reading = now()
            for handle in handles { await read(updates / keys, from: handle) }
            let rate = Double(handles.count * (updates / keys)) / (Double(now() - reading) / 1e9)
            if burst > 0 || bursts == 1 {
                costs.append(cost)
                rates.append(rate)
            }
        }
        registry.shutdown()
        await dispatching.value
        return (median(costs)!, median(rates)!)
    }

    /// Nanoseconds for each of so many updates, to the moment when `last` has one more.
    private static func announce(
        _ count: Int, keys: Int, to registry: WatchRegistry, _ last: inout WatcherHandle.AsyncIterator
    ) async -> Double {
        var updates = Array(makeUpdates(count, keys: keys).reversed())
        let final = WatchUpdate(revision: 1_000_000, events: [WatchEvent(type: .put, key: "last", revision: 1_000_000)])
        let start = now()
        while let update = updates.popLast() { registry.notify(update) }
        registry.notify(final)
        _ = try? await last.next()
        return Double(now() - start) / Double(count)
    }

    private static func read(_ count: Int, from handle: WatcherHandle) async {
        var reader = handle.makeAsyncIterator()
        for _ in 0..<count {
            guard case .update? = try? await reader.next() else { fatalError("an update was lost") }
        }
    }
}
