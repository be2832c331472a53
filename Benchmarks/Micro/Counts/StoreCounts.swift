import Benchmark
import Vigil

/// What a store allocates and flushes, without a checkpoint.
enum StoreCounts {
    private static let operations = 1000

    static func register() {
        add("counts.put", [.allocations, .flushes], durability: .sync) { benchmark, temporary in
            let puts = (0..<operations).map { (Content.key($0), Content.value($0)) }
            try await benchmark.count(puts.count) {
                for (key, value) in puts { try await temporary.store.put(key, value) }
            }
        }
        // Flushes: one for each group, so two for a thousand puts.
        add("counts.put-in-groups", [.allocations, .flushes], durability: .sync) { benchmark, temporary in
            let (groups, size) = (20, Content.group)
            let puts = (0..<groups).map { group in (0..<size).map { Content.put(group * size + $0) } }
            try await benchmark.count(groups * size) {
                for group in puts { _ = try await temporary.store.transactions(group) }
            }
        }
        add("counts.put-and-event") { benchmark, temporary in
            let puts = (0..<operations).map { (Content.key($0), Content.value($0)) }
            let watch = try temporary.store.watch(.all)
            watch.requestProgress()
            var elements = watch.makeAsyncIterator()
            _ = try await elements.next()
            try await benchmark.count(puts.count) {
                for (key, value) in puts {
                    try await temporary.store.put(key, value)
                    _ = try await elements.next()
                }
            }
        }
        add("counts.replay-pending", fill: Content.pending, body: replay)
        add("counts.replay-checkpointed", fill: Content.checkpointed, body: replay)
        add("counts.resume-of-quiet-key", tolerance: 6000) {
            try await $0.store.put("quiet", "value")
            try await Content.checkpointed($0)
        } body: { benchmark, temporary in
            try await benchmark.count(1) { _ = try await ReplayBenchmarks.catchUp(temporary.store, .key("quiet")) }
        }
        add("counts.get-pending", fill: Content.pending, body: get)
        add("counts.get-checkpointed", fill: Content.checkpointed, body: get)
        add("counts.range-of-100-checkpointed", fill: Content.checkpointed) { benchmark, temporary in
            let start = Content.key(Content.scattered(1))
            try benchmark.count(1) { _ = try temporary.store.range(.from(start), RangeOptions(limit: 100)) }
        }
    }

    private static func add(
        _ name: String, _ metrics: [BenchmarkMetric] = [.allocations],
        durability: Durability = .interval(.seconds(3600)), tolerance: Int = 500,
        fill: @escaping (TemporaryStore) async throws -> Void = { _ in },
        body: @escaping (Benchmark, TemporaryStore) async throws -> Void
    ) {
        storeBenchmark(name, .counts(metrics, tolerance: tolerance), durability: durability, fill: fill, body: body)
    }

    private static func replay(_ benchmark: Benchmark, _ temporary: TemporaryStore) async throws {
        try await benchmark.count(Content.count) {
            _ = try await ReplayBenchmarks.catchUp(temporary.store, .all)
        }
    }

    private static func get(_ benchmark: Benchmark, _ temporary: TemporaryStore) throws {
        let keys = (0..<operations).map { Content.key(Content.scattered($0)) }
        try benchmark.count(keys.count) {
            for key in keys { Benchmark.blackHole(try temporary.store.get(key)) }
        }
    }
}
