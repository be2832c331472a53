import WatchDispatch

/// What announcing an update costs the one who does it, while the other end is being read.
struct ProducerCost: Workload {
    let name = "producer"

    func measure(_ run: Run) async throws -> [Section] {
        let section = Section(
            "producer", "Live path: cost for the producer", axis: "producers",
            metrics: [Metric(id: "cost", title: "time for each update", unit: .nanoseconds)],
            text: """
                Each producer is a thread that makes updates, a few hundred at a time, and announces them as fast as it \
                can, with room for all of them, while one consumer reads. It keeps none of them. The first, by which \
                whoever sleeps is woken, is not part of the time. The figure is the median of all handfuls, so \
                that it says what an announcement costs and not how often the thread was interrupted. `AsyncChannel` is \
                not here: its producers wait for the consumer.
                """)
        let systems = liveSystems.filter { !($0 is ChannelLive) }
        await run.interleave(systems, rounds: run.rounds, name: \.name, in: section) { system, _ in
            for producers in [1, 2, 4] {
                let count = 1 << 17
                let cost = await Self.cost(system, producers: producers, count)
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
        var times = Times()
        for pass in passes {
            times = await withTaskGroup(of: Times.self) { group in
                for _ in 0..<producers {
                    group.addTask { await onThread { produce(count / producers, to: channel) } }
                }
                return await group.reduce(into: Times()) { $0.add($1) }
            }
            guard await pass.wait() else { fatalError("updates were lost") }
        }
        channel.finish()
        await consumer.value
        return perUpdate(times)
    }

    private static func perUpdate(_ handfuls: Times) -> Double {
        (handfuls.percentile(0.5) ?? 0) / Double(handful - 1)
    }

    /// Updates that are made together, and of which the first wakes the consumer: they stay in the cache of the core that made them, as does what a writer has just
    /// changed, and are announced once, since what was seen before has its count of references in the cache of another.
    private static let handful = 256

    private static func produce(_ count: Int, to channel: some LiveChannel) -> Times {
        var times = Times()
        for _ in 0..<count / handful {
            var updates = Array(makeUpdates(handful).reversed())
            channel.offer(updates.removeLast())
            let start = now()
            while let update = updates.popLast() { channel.offer(update) }
            times.add(now() - start)
        }
        return times
    }
}
