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

    /// Updates of a round; with the one that stops the dispatcher they are as many as the queue holds by default.
    private static let updates = 999
    private static let rounds = 10

    static func register() {
        for shape in Shape.allCases {
            for watchers in [1, 100, 10_000, 100_000] { distinct(shape, watchers) }
            for watchers in [100, 10_000] { fanOut(shape, watchers) }
        }
    }

    /// Each update is for one watcher, each time another.
    private static func distinct(_ shape: Shape, _ watchers: Int) {
        var next = 0
        func round(_ gated: GatedLive) -> (dispatched: Int, read: Int) {
            // Neighbours in time are not neighbours in memory: 7919 is prime.
            let targets = (next..<next + updates).map { $0 * 7919 % watchers }
            next += updates
            let announced = gated.announce(targets.map { Bytes("item/\($0)/x") })
            let dispatched = gated.dispatch()
            let time = take(1, from: targets.map { gated.handles[$0] })
            return withExtendedLifetime(announced) { (dispatched, time) }
        }
        add("dispatch to one of \(watchers), \(shape)") {
            let gated = GatedLive((0..<watchers).map(shape.keys), buffer: (updates + watchers - 1) / watchers)
            // Every buffer gets its memory with its first update.
            for _ in 0..<(watchers + updates - 1) / updates { _ = round(gated) }
            return gated
        } body: { benchmark, gated in
            for _ in 0..<rounds {
                let times = round(gated)
                benchmark.record(times.dispatched, updates)
                benchmark.record(times.read, updates, .readTime)
            }
        }
    }

    /// Each update is for all watchers.
    private static func fanOut(_ shape: Shape, _ watchers: Int) {
        let updates = max(10, updates / watchers)
        add("fan-out to \(watchers), \(shape), each") {
            GatedLive((0..<watchers).map { _ in shape.keys(0) }, buffer: updates)
        } body: { benchmark, gated in
            for _ in 0..<rounds {
                let announced = gated.announce(Array(repeating: "item/0/x", count: updates))
                benchmark.record(gated.dispatch(), updates * watchers)
                let time = take(updates, from: gated.handles)
                benchmark.record(time, updates * watchers, .readTime)
                withExtendedLifetime(announced) {}
            }
        }
    }

    private static func add(
        _ name: String, make: @escaping () -> GatedLive, body: @escaping (Benchmark, GatedLive) -> Void
    ) {
        var gated: GatedLive?
        Benchmark(name, configuration: .times([.time, .readTime])) { benchmark in
            body(benchmark, gated!)
        } setup: {
            gated = make()
        } teardown: {
            gated?.end()
        }
    }
}
