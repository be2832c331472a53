import Benchmark
import Foundation
import Vigil

/// Opening a store: after it was closed, and after a crash that left everything in the journal.
enum OpenBenchmarks {
    static func register() {
        storeBenchmark("open, 100000 revisions checkpointed", .times([.latency]), fill: Content.checkpointed) {
            benchmark, temporary in
            try await temporary.store.close()
            let start = now()
            let store = try await WatchStore.open(temporary.path, options: temporary.options)
            benchmark.measurement(.latency, now() - start)
            try await store.close()
        }
        storeBenchmark("open, 100000 revisions in the journal", .times([.latency], iterations: 5, seconds: 8)) {
            try await Content.fill($0.store)
        } body: { benchmark, temporary in
            // What a crash would leave now.
            let copy = temporary.path + "-copy"
            try FileManager.default.copyItem(atPath: temporary.path, toPath: copy)
            let start = now()
            let store = try await WatchStore.open(copy, options: temporary.options)
            benchmark.measurement(.latency, now() - start)
            precondition(store.head == Content.count)
            try await store.close()
            try FileManager.default.removeItem(atPath: copy)
        }
    }
}
