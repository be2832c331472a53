import Benchmark
import Vigil

/// Catching up with the log: all of it, which is scanned, or one key of it, whose versions are a chain.
enum ReplayBenchmarks {
    static func register() {
        storeBenchmark("replay of everything, pending, each", fill: Content.pending, body: replay)
        storeBenchmark("replay of everything, checkpointed, each", fill: Content.checkpointed, body: replay)
        for changes in [1, 100] {
            let name = changes == 1 ? "1 change" : "\(changes) changes"
            storeBenchmark("resume of a key with \(name) among 100000", .times([.latency])) { temporary in
                for part in 0..<changes {
                    let size = Content.count / changes
                    try await temporary.store.put("quiet", Content.value(part))
                    try await Content.fill(temporary.store, part * size..<(part + 1) * size)
                }
                try await temporary.checkpoint()
            } body: { benchmark, temporary in
                let start = now()
                let updates = try await catchUp(temporary.store, .key("quiet"))
                benchmark.measurement(.latency, now() - start)
                precondition(updates == changes)
            }
        }
    }

    private static func replay(_ benchmark: Benchmark, _ temporary: TemporaryStore) async throws {
        try await benchmark.time(Content.count) {
            let updates = try await catchUp(temporary.store, .all)
            precondition(updates == Content.count)
        }
    }

    /// Watches `keys` from the beginning to the newest revision, and returns the number of updates.
    static func catchUp(_ store: WatchStore, _ keys: KeyRange) async throws -> Int {
        var updates = 0
        for try await element in try store.watch(keys, from: .revision(1)) {
            switch element {
            case .update: updates += 1
            case .progress: return updates
            default: break
            }
        }
        return updates
    }
}
