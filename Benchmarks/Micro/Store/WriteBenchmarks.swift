import Benchmark
import Vigil

/// Encoding, committing and adding to the overlay, without a flush; and building the blocks of a checkpoint.
enum WriteBenchmarks {
    static func register() {
        storeBenchmark("put, one writer, no flush", .times([.latency], iterations: 20)) { benchmark, temporary in
            let (key, value) = (Content.key(1), Content.value(1))
            for _ in 0..<1000 {
                let start = now()
                try await temporary.store.put(key, value)
                benchmark.measurement(.latency, now() - start)
            }
        }
        storeBenchmark("put, groups of 512, no flush", fill: Content.pending) { benchmark, temporary in
            let puts = (0..<Content.group).map { Content.put(Content.scattered($0 + benchmark.currentIteration * 512)) }
            try await benchmark.time(puts.count) { _ = try await temporary.store.transactions(puts) }
        }
        storeBenchmark("put, 512 writers, no flush", .times(iterations: 20)) { benchmark, temporary in
            try await manyWriters(benchmark, temporary.store)
        }
        storeBenchmark("checkpoint, each revision", .times(iterations: 5, seconds: 8)) { benchmark, temporary in
            try await Content.fill(temporary.store)
            let start = now()
            try await temporary.checkpoint { benchmark.record(now() - start, Content.count) }
        }
    }

    static func manyWriters(_ benchmark: Benchmark, _ store: WatchStore) async throws {
        let (writers, each) = (512, 20)
        try await benchmark.time(writers * each) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<writers {
                    group.addTask {
                        for index in 0..<each {
                            try await store.put(Content.key(writer * each + index), Content.value(index))
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}
