import Benchmark
import WatchDispatch

/// What the dispatcher spends on an update, and a reader on taking it out of its buffer.
enum DispatchBenchmarks {
    private enum Shape: String, CaseIterable {
        case key, prefix, range

        /// What watcher `index` of many watches.
        func keys(_ index: Int) -> KeyRange {
            switch self {
            case .key: .key("item/\(index)/x")
            case .prefix: .prefix("item/\(index)/")
            case .range: .range("item/\(index)/a", "item/\(index)/z")
            }
        }
    }

    private static let deliveries = 100_000

    static func register() {
        for shape in Shape.allCases {
            for watchers in [1, 100, 100_000] {
                add("dispatch to one of \(watchers), \(shape)", watchers: watchers, updates: deliveries) { live in
                    (0..<watchers).map {
                        live.registry.register(shape.keys($0), bufferSize: deliveries / watchers)
                    }
                } key: {
                    // Neighbours in time are not neighbours in memory: 7919 is prime.
                    "item/\($0 * 7919 % watchers)/x"
                }
            }
            for watchers in [100, 10_000] {
                let updates = deliveries / watchers
                add("fan-out to \(watchers), \(shape), each", watchers: watchers, updates: updates) { live in
                    (0..<watchers).map { _ in live.registry.register(shape.keys(0), bufferSize: updates) }
                } key: { _ in
                    "item/0/x"
                }
            }
        }
    }

    private static func add(
        _ name: String, watchers: Int, updates: Int, handles: @escaping (Live) -> [WatcherHandle],
        key: @escaping (Int) -> String
    ) {
        Benchmark(name, configuration: .times([.time, .readTime], iterations: 20, seconds: 4)) { benchmark in
            let gate = Gate()
            let live = Live(WatchConfig(eventQueueSize: updates + 2), source: gate)
            let handles = handles(live)
            blockUntil { await live.awaitWatchers(watchers) }
            // Two rounds: buffers get their memory with their first update.
            for round in 0..<2 {
                let first = round * (updates + 4) + 3
                live.registry.notify(update(first - 1, "gate"))
                gate.awaitArrival()
                for index in 0..<updates { live.registry.notify(update(first + index, Bytes(key(index)))) }
                live.registry.notify(update(first + updates + 1, "gate"))
                let start = now()
                gate.open()
                gate.awaitArrival()
                let dispatched = now() - start
                gate.open()
                let read = read(handles, updates: deliveries / watchers)
                if round == 0 { continue }
                benchmark.record(dispatched, deliveries)
                benchmark.record(read, deliveries, .readTime)
            }
            blockUntil { await live.end() }
        }
    }

    /// Takes so many updates from each handle, and returns the nanoseconds that took.
    private static func read(_ handles: [WatcherHandle], updates: Int) -> Int {
        let time = Box(0)
        blockUntil {
            let start = now()
            for handle in handles {
                var elements = handle.makeAsyncIterator()
                for _ in 0..<updates { _ = try? await elements.next() }
            }
            time.value = now() - start
        }
        return time.value
    }
}
