import Vigil

/// Vigil, embedded, each commit flushed.
struct VigilSystem: StoreSystem {
    var name = "Vigil"
    var options = StoreOptions()

    func open(_ directory: String) async throws -> any OpenStore {
        VigilStore(store: try await WatchStore.open(directory, options: options))
    }
}

struct VigilStore: OpenStore, StoreSession {
    let store: WatchStore

    func session(callers: Int) async throws -> any StoreSession { self }

    func put(_ key: String, _ value: [UInt8]) async throws -> Int64 {
        try await store.put(Bytes(key), Bytes(value))
    }

    func watch(
        _ keys: Keys, from revision: Int64?, onEvent: @escaping @Sendable (Int64) -> Void
    ) async throws -> any StoreWatch {
        let watch = try store.watch(keys.range, from: revision.map { .revision($0) } ?? .now)
        return VigilWatch(
            task: Task {
                for try await element in watch {
                    guard case .update(let update) = element else { continue }
                    for event in update { onEvent(event.revision) }
                }
            })
    }

    func stall(_ keys: Keys) async throws -> (any StoreWatch)? {
        // Two elements are read, so that it has joined the live flow; the rest waits for ever.
        let watch = try store.watch(keys.range)
        return VigilWatch(
            task: Task {
                var elements = watch.makeAsyncIterator()
                _ = try await elements.next()
                _ = try await elements.next()
                try await Task.sleep(for: .seconds(600))
                withExtendedLifetime(watch) {}
            })
    }

    func close() async {}

    func shutDown() async throws { try await store.close() }
}

private struct VigilWatch: StoreWatch {
    let task: Task<Void, any Error>

    func cancel() async {
        task.cancel()
        _ = await task.result
    }
}

extension Keys {
    var range: KeyRange {
        switch self {
        case .key(let key): .key(Bytes(key))
        case .prefix(let prefix): .prefix(Bytes(prefix))
        }
    }
}
