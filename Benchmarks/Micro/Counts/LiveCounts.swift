import Benchmark
import Foundation
import WatchDispatch

/// What the live path allocates. Their names have no spaces, since they become names of files in `Thresholds`.
enum LiveCounts {
    private static let operations = 10_000

    static func register() {
        Benchmark("counts.notify", configuration: .counts(), closure: notify)
        Benchmark("counts.dispatch-and-read", configuration: .counts(), closure: read)
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
    private static func read(_ benchmark: Benchmark) {
        let gate = Gate()
        let live = Live(WatchConfig(eventQueueSize: operations + 2, watcherBufferSize: operations), source: gate)
        let handle = live.registry.register(.key("key"))
        live.blockUntil { $0.watchers == 1 }
        // The first round gets the buffers their memory.
        for round in 0..<2 {
            let first = round * (operations + 4) + 3
            live.registry.notify(update(first - 1, "gate"))
            gate.awaitArrival()
            for index in 0..<operations { live.registry.notify(update(first + index, "key")) }
            live.registry.notify(update(first + operations + 1, "gate"))
            let body = {
                gate.open()
                gate.awaitArrival()
                blockUntil {
                    var elements = handle.makeAsyncIterator()
                    for _ in 0..<operations { _ = try? await elements.next() }
                }
            }
            if round == 0 { body() } else { benchmark.count(operations, body) }
            gate.open()
        }
        blockUntil { await live.end() }
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
