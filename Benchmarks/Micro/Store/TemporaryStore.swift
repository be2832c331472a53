import Benchmark
import Foundation
import Vigil

/// A store in a directory of its own, which is removed at the end.
final class TemporaryStore {
    let path: String
    let options: StoreOptions
    private(set) var store: WatchStore

    init(durability: Durability) async throws {
        path = NSTemporaryDirectory() + "vigil-micro-" + UUID().uuidString
        var options = StoreOptions(durability: durability)
        // No checkpoint unless it is asked for: what is measured or counted is not to depend on when one begins.
        options.log.checkpointInterval = .seconds(3600)
        options.log.pendingBytes = 1 << 30
        options.log.checkpointBytes = 1 << 30
        options.log.segments = 64
        self.options = options
        store = try await WatchStore.open(path, options: options)
    }

    /// Moves everything into LMDB. Calls `closed` after that, before the store is opened again.
    func checkpoint(closed: () -> Void = {}) async throws {
        try await store.close()
        closed()
        store = try await WatchStore.open(path, options: options)
        // What would go on in the background is not to be counted with what is.
        try await store.seal()
    }

    func remove() async throws {
        try await store.close()
        try FileManager.default.removeItem(atPath: path)
    }
}

/// A benchmark of a store that `fill` makes ready once. By default nothing is flushed: what is measured is not the disk.
func storeBenchmark(
    _ name: String, _ configuration: Benchmark.Configuration = .times(),
    durability: Durability = .interval(.seconds(3600)),
    fill: @escaping (TemporaryStore) async throws -> Void = { _ in },
    body: @escaping (Benchmark, TemporaryStore) async throws -> Void
) {
    var temporary: TemporaryStore?
    Benchmark(name, configuration: configuration) { benchmark in
        try await body(benchmark, temporary!)
    } setup: {
        let made = try await TemporaryStore(durability: durability)
        try await fill(made)
        temporary = made
    } teardown: {
        try await temporary?.remove()
    }
}
