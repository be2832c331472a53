import WatchDispatch

/// What announcing an update costs the one who does it, while the other end is being read.
struct ProducerCost: Workload {
    let name = "producer"

    func measure(_ run: Run) async throws -> [Section] {
        let section = Section(
            "producer", "Live path: cost for the producer", axis: "producers",
            metrics: [Metric(id: "cost", title: "processor time for each update", unit: .nanoseconds)],
            text: """
                Each producer is a thread that announces updates made before as fast as it can, with room for all of them, while \
                one consumer reads. The figure is processor time of the producers' threads alone, so it does not \
                depend on how many cores there are, less what the same loop takes with a call that does nothing. \
                `AsyncChannel` is not here: its producers wait for the consumer.
                """)
        let systems = liveSystems.filter { !($0 is ChannelLive) }
        await run.interleave(systems, rounds: run.rounds, name: \.name, in: section) { system, _ in
            for producers in [1, 2, 4] {
                let count = 1 << 17
                let cost = await Self.cost(system, producers: producers, count) - Self.nothing(count)
                section.record("cost", system.name, producers, cost)
            }
        }
        return [section]
    }

    /// Of the last of some passes; the first touches the memory.
    private static func cost(_ system: some LiveSystem, producers: Int, _ count: Int) async -> Double {
        let channel = system.open(consumers: 1, capacity: count)
        let passes = (0..<3).map { _ in Arrivals(1) }
        let consumer = Task {
            var seen = 0
            await channel.consume(0) { _ in
                seen += 1
                if seen % count == 0 { passes[seen / count - 1].arrive() }
            }
        }
        var nanoseconds: Int64 = 0
        for pass in passes {
            // An update that was seen before has its count of references in the cache of another core.
            let parts = (0..<producers).map { _ in makeUpdates(count / producers) }
            nanoseconds = await withTaskGroup(of: Int64.self) { group in
                for updates in parts { group.addTask { await onThread { produce(updates, to: channel) } } }
                return await group.reduce(0, +)
            }
            guard await pass.wait() else { fatalError("updates were lost") }
        }
        channel.finish()
        await consumer.value
        return Double(nanoseconds) / Double(count)
    }

    /// What the loop costs by itself.
    private static func nothing(_ count: Int) async -> Double {
        let updates = makeUpdates(count)
        let nanoseconds = await onThread { produce(updates, to: NoChannel()) }
        return Double(nanoseconds) / Double(count)
    }

    private static func produce(_ updates: [WatchUpdate], to channel: some LiveChannel) -> Int64 {
        let start = threadTime()
        for update in updates { channel.offer(update) }
        return threadTime() - start
    }
}

/// Takes updates and does nothing.
private struct NoChannel: LiveChannel {
    @inline(never)
    func offer(_ update: WatchUpdate) {}
    func consume(_ consumer: Int, _ body: (WatchUpdate) -> Void) async {}
    func finish() {}
}
