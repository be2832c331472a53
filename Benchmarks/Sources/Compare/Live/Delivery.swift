import Synchronization
import WatchDispatch

/// How many updates a second get from one producer to its consumers, without loss.
struct Delivery: Workload {
    let name = "delivery"

    func measure(_ run: Run) async throws -> [Section] {
        let section = Section(
            "delivery", "Live path: deliveries to consumers", axis: "consumers",
            metrics: [Metric(id: "rate", title: "updates consumed, of all consumers together", unit: .perSecond)],
            text: """
                One task announces bursts of \(Self.burst) updates; each consumer is a task that reads all of them. The \
                next burst follows when every consumer has read the last. Buffers hold two bursts, so nothing is \
                dropped.
                """)
        await run.interleave(liveSystems, rounds: run.rounds, name: \.name, in: section) { system, _ in
            for consumers in [1, 10, 100] {
                let rate = await Self.rate(system, consumers, seconds: run.choose(quick: 0.15, full: 0.5))
                section.record("rate", system.name, consumers, rate)
            }
        }
        return [section]
    }

    private static let burst = 4096

    private static func rate(_ system: some LiveSystem, _ consumers: Int, seconds: Double) async -> Double {
        let channel = system.open(consumers: consumers, capacity: 2 * burst)
        let updates = makeUpdates(burst)
        let turn = Turn()
        return await withTaskGroup(of: Void.self) { group in
            for consumer in 0..<consumers {
                group.addTask {
                    var seen = 0
                    await channel.consume(consumer) { _ in
                        seen += 1
                        if seen % burst == 0 { turn.arrive() }
                    }
                }
            }
            // The first burst also starts the tasks.
            await send(updates, to: channel, turn.next(consumers))
            let start = now()
            var bursts = 0
            repeat {
                await send(updates, to: channel, turn.next(consumers))
                bursts += 1
            } while now() - start < .seconds(seconds)
            let elapsed = Double(now() - start) / 1e9
            channel.finish()
            return Double(bursts * burst * consumers) / elapsed
        }
    }

    private static func send(_ updates: [WatchUpdate], to channel: some LiveChannel, _ arrivals: Arrivals) async {
        for update in updates { await channel.send(update) }
        guard await arrivals.wait() else { fatalError("updates were lost") }
    }
}

/// The arrivals of the burst that is under way.
private final class Turn: Sendable {
    private let current = Mutex<Arrivals?>(nil)

    func next(_ consumers: Int) -> Arrivals {
        let arrivals = Arrivals(consumers)
        current.withLock { $0 = arrivals }
        return arrivals
    }

    func arrive() { current.withLock { $0 }?.arrive() }
}
