import Benchmark
import Foundation
import WatchDispatch

/// What the live path allocates. Their names have no spaces, since they become names of files in `Thresholds`.
enum LiveCounts {
    private static let operations = 10_000

    static func register() {
        Benchmark("counts.notify", configuration: .counts(), closure: notify)
        Benchmark("counts.dispatch-and-read", configuration: .counts(), closure: dispatchAndRead)
        Benchmark("counts.awaited-event", configuration: .counts(), closure: awaited)
        Benchmark("counts.register", configuration: .counts([.allocations, .bytes]), closure: registration)
        Benchmark("counts.release", configuration: .counts(), closure: release)
    }

    private static func notify(_ benchmark: Benchmark) {
        let registry = WatchRegistry(config: WatchConfig(eventQueueSize: operations))
        let update = update(1, "key")
        benchmark.count(operations) {
            for _ in 0..<operations { registry.notify(update) }
        }
    }

    /// From the queue through the dispatcher into a buffer that holds them all, and from there to the reader.
    private static func dispatchAndRead(_ benchmark: Benchmark) {
        let updates = 900
        let gated = GatedLive([.key("key")], buffer: updates)
        let keys = Array(repeating: Bytes("key"), count: updates)
        // The first round gets the buffers their memory.
        for isFirst in [true, false] {
            let announced = gated.announce(keys)
            let body = {
                gated.dispatch()
                take(updates, from: gated.handles)
            }
            if isFirst { _ = body() } else { benchmark.count(updates) { _ = body() } }
            withExtendedLifetime(announced) {}
        }
        gated.end()
    }

    /// Each announced when the dispatcher and the reader wait.
    private static func awaited(_ benchmark: Benchmark) {
        let live = Live()
        let handle = live.registry.register(.key("key"))
        live.blockUntil { $0.watchers == 1 }
        let updates = (0..<1000).map { update($0 + 1, "key") }
        let reading = Task.detached {
            for try await _ in handle {}
        }
        benchmark.count(updates.count) {
            for update in updates {
                usleep(200)
                live.registry.notify(update)
            }
            usleep(200)
        }
        blockUntil {
            await live.end()
            _ = try? await reading.value
        }
    }

    private static func registration(_ benchmark: Benchmark) {
        let live = Live()
        let keys = (0..<100_000).map { KeyRange.key("watch/\($0)") }
        var handles: [WatcherHandle] = []
        handles.reserveCapacity(keys.count)
        benchmark.count(keys.count) {
            for key in keys { handles.append(live.registry.register(key)) }
            live.blockUntil { $0.watchers == keys.count }
        }
        blockUntil { await live.end() }
    }

    private static func release(_ benchmark: Benchmark) {
        let live = Live()
        var handles = (0..<100_000).map { live.registry.register(.key("watch/\($0)")) }
        let count = handles.count
        live.blockUntil { $0.watchers == count }
        benchmark.count(count) {
            handles.removeAll()
            live.blockUntil { $0.watchers == 0 }
        }
        blockUntil { await live.end() }
    }
}
