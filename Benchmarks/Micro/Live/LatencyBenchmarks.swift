import Benchmark
import Foundation
import WatchDispatch

/// From `notify` to the reader that waits in `next()`, at a steady pace.
enum LatencyBenchmarks {
    static func register() {
        for perSecond in [1000, 10_000] {
            let name = "notify to next(), \(perSecond) a second"
            Benchmark(name, configuration: .times([.latency], iterations: 10, seconds: 10)) { benchmark in
                for latency in await latencies(perSecond) { benchmark.measurement(.latency, latency) }
            }
        }
    }

    /// What half a second of events took, each.
    private static func latencies(_ perSecond: Int) async -> [Int] {
        let count = perSecond / 2
        // Room for all, should the machine be busy with something else for a while: nothing may get lost.
        let live = Live(WatchConfig(eventQueueSize: count, watcherBufferSize: count))
        let (handle, registry) = (live.registry.register(.key("key")), live.registry)
        await live.awaitWatchers(1)
        let reading = Task.detached {
            var latencies: [Int] = []
            latencies.reserveCapacity(count)
            var elements = handle.makeAsyncIterator()
            while latencies.count < count, case .update(let update)? = try? await elements.next() {
                // The event brings along when it was announced, in a field that nothing else uses here.
                for event in update { latencies.append(now() - Int(event.lease)) }
            }
            return latencies
        }
        Thread.detachNewThread {
            announce(count, every: 1_000_000_000 / perSecond, registry)
        }
        let latencies = await reading.value
        await live.end()
        return latencies
    }

    private static func announce(_ count: Int, every nanoseconds: Int, _ registry: WatchRegistry) {
        let start = now()
        for index in 1...count {
            let due = start + index * nanoseconds
            var time = timespec(tv_sec: due / 1_000_000_000, tv_nsec: due % 1_000_000_000)
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil)
            let event = WatchEvent(type: .put, key: "key", revision: Revision(index), lease: Int64(now()))
            registry.notify(WatchUpdate(revision: Revision(index), events: [event]))
        }
    }
}
