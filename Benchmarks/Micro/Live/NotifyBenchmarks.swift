import Benchmark
import Foundation
import WatchDispatch

/// What announcing an update costs the one who does it.
enum NotifyBenchmarks {
    private static let total = 200_000

    static func register() {
        for producers in [1, 2, 4] {
            let name = producers == 1 ? "1 producer" : "\(producers) producers"
            Benchmark("notify, nobody takes, \(name)", configuration: .times([.time, .processorTime])) { benchmark in
                produce(benchmark, producers, WatchRegistry(config: WatchConfig(eventQueueSize: total)))
            }
            Benchmark("notify, dispatcher awake, \(name)", configuration: .times([.time, .processorTime])) {
                awake($0, producers)
            }
        }
        Benchmark("notify, dispatcher asleep", configuration: .times([.latency], iterations: 5), closure: asleep)
        Benchmark("notify, queue full", configuration: .times(), closure: full)
    }

    private static func produce(_ benchmark: Benchmark, _ producers: Int, _ registry: WatchRegistry) {
        let (update, each) = (update(1, "key"), total / producers)
        let times = Producers.run(producers) {
            for _ in 0..<each { registry.notify(update) }
        }
        benchmark.record(times.elapsed, total, .time)
        benchmark.record(times.processor, total, .processorTime)
    }

    /// The dispatcher has more to do for each update than the producers, so that it never catches up and sleeps.
    private static func awake(_ benchmark: Benchmark, _ producers: Int) {
        let (ahead, watchers) = (20_000, 10)
        let live = Live(WatchConfig(eventQueueSize: total + ahead, watcherBufferSize: 1))
        let handles = (0..<watchers).map { _ in live.registry.register(.key("key")) }
        blockUntil { await live.awaitWatchers(watchers) }
        for _ in 0..<ahead { live.registry.notify(update(1, "key")) }
        produce(benchmark, producers, live.registry)
        withExtendedLifetime(handles) { blockUntil { await live.end() } }
    }

    /// Each finds the dispatcher asleep, and wakes it.
    private static func asleep(_ benchmark: Benchmark) {
        let live = Live()
        blockUntil { await live.awaitWatchers(0) }
        let update = update(1, "key")
        for _ in 0..<500 {
            usleep(300)
            let start = now()
            live.registry.notify(update)
            benchmark.measurement(.latency, now() - start)
        }
        blockUntil { await live.end() }
    }

    private static func full(_ benchmark: Benchmark) {
        let registry = WatchRegistry()
        let update = update(1, "key")
        for _ in 0..<registry.config.eventQueueSize { registry.notify(update) }
        benchmark.time(total) {
            for _ in 0..<total { registry.notify(update) }
        }
    }
}
