import Foundation
import Synchronization
import WatchDispatch

/// How long it takes from announcing an update to its consumer's `next()`.
struct LiveLatency: Workload {
    let name = "latency"

    func measure(_ run: Run) async throws -> [Section] {
        let section = Section(
            "latency", "Live path: from the producer to the consumer's next()", axis: "updates a second",
            metrics: [
                Metric(id: "p50", title: "p50", unit: .nanoseconds),
                Metric(id: "p99", title: "p99", unit: .nanoseconds),
            ],
            text: """
                A thread announces updates at an even pace; one consumer awaits them. For `AsyncChannel`, whose \
                producers wait, each update is sent by a task of its own.
                """)
        await run.interleave(liveSystems, rounds: run.rounds, name: \.name, in: section) { system, _ in
            for rate in [100, 1000, 10_000] {
                let times = await Self.latency(system, rate: rate, seconds: run.choose(quick: 0.5, full: 1))
                section.record("p50", system.name, rate, times.percentile(0.5))
                section.record("p99", system.name, rate, times.percentile(0.99))
            }
        }
        return [section]
    }

    private static func latency(_ system: some LiveSystem, rate: Int, seconds: Double) async -> Times {
        let channel = system.open(consumers: 1, capacity: 1000)
        let all = Arrivals(1)
        let count = Int(Double(rate) * seconds)
        let consumer = Task {
            var times = Times()
            await channel.consume(0) { update in
                // The revision is the moment when it was sent.
                times.add(now() - update.revision)
                if times.count == count { all.arrive() }
            }
            return times
        }
        await onThread {
            let start = now() + .milliseconds(10)
            for index in 0..<count {
                block(until: start + Int64(index) * 1_000_000_000 / Int64(rate))
                let moment = now()
                channel.offer(
                    WatchUpdate(
                        revision: moment,
                        events: [WatchEvent(type: .put, key: "key/0", value: "value", revision: moment)]))
            }
        }
        // An update that a full buffer dropped is not waited for long.
        _ = await all.wait(seconds: 1)
        channel.finish()
        return await consumer.value
    }
}
