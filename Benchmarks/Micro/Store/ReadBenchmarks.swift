import Benchmark
import Vigil

/// Reads of keys, ranges and the log: from the overlay (`pending`) and from LMDB (`checkpointed`).
enum ReadBenchmarks {
    static func register() {
        storeBenchmark("get, hot", fill: Content.pending) { benchmark, temporary in
            let key = Content.key(Content.scattered(1))
            try get(benchmark, temporary.store) { _ in key }
        }
        storeBenchmark("get, pending", fill: Content.pending) { benchmark, temporary in
            try get(benchmark, temporary.store) { Content.key(Content.scattered($0)) }
        }
        storeBenchmark("get, checkpointed", fill: Content.checkpointed) { benchmark, temporary in
            try get(benchmark, temporary.store) { Content.key(Content.scattered($0)) }
        }
        storeBenchmark("range of 100 keys, pending, each", fill: Content.pending, body: range)
        storeBenchmark("range of 100 keys, checkpointed, each", fill: Content.checkpointed, body: range)
        // The blocks are more than the cache holds: all of them are read and decoded each time.
        storeBenchmark("decode blocks of the log, each revision", fill: Content.checkpointed) { benchmark, temporary in
            try benchmark.time(Content.count) {
                let page = try temporary.store.log(from: 1, limit: Content.count)
                precondition(page.updates.count == Content.count)
            }
        }
    }

    private static func get(_ benchmark: Benchmark, _ store: WatchStore, _ key: (Int) -> Bytes) throws {
        let keys = (0..<10_000).map { key($0 + benchmark.currentIteration * 10_000) }
        try benchmark.time(keys.count) {
            for key in keys { Benchmark.blackHole(try store.get(key)) }
        }
    }

    private static func range(_ benchmark: Benchmark, _ temporary: TemporaryStore) throws {
        let (ranges, keys) = (100, 100)
        let starts = (0..<ranges).map { Content.key(Content.scattered($0 + benchmark.currentIteration * ranges)) }
        try benchmark.time(ranges * keys) {
            for start in starts { _ = try temporary.store.range(.from(start), RangeOptions(limit: keys)) }
        }
    }
}
