import Vigil

/// Sizes so small that everything that can happen in a store happens within some hundred writes.
private func smallOptions(_ durability: Durability) -> StoreOptions {
    var options = StoreOptions(durability: durability)
    options.log.segmentBytes = 64 << 10
    options.log.segments = 3
    options.log.transactionBytes = 8 << 10
    options.log.checkpointBytes = 8 << 10
    options.log.pendingBytes = 64 << 10
    options.log.checkpointInterval = .milliseconds(10)
    options.log.mapBytes = 1 << 20
    return options
}

/// Writes with six tasks until it is killed: `ack REVISION KEY VALUE`, with `-` for a delete.
func write(to path: String, seed: String, isSync: Bool) async throws {
    let store = try await WatchStore.open(
        path, options: smallOptions(isSync ? .sync : .interval(.milliseconds(5))))
    try await withThrowingTaskGroup(of: Void.self) { group in
        for writer in 0..<6 {
            group.addTask { try await writeForEver(store, seed: seed, writer: writer) }
        }
        try await group.waitForAll()
    }
}

/// One of several that write at the same time. What it writes follows from the seed and its own count, and is what
/// `WriterTrace` in the tests expects.
private func writeForEver(_ store: WatchStore, seed: String, writer: Int) async throws {
    var sequence = 0
    while true {
        sequence += 1
        let key = Bytes("w\(writer)/\(sequence % 7)")
        let value = Bytes("\(seed)-\(writer)-\(sequence)-" + String(repeating: "x", count: sequence % 200))
        if sequence % 11 == 0 {
            let result = try await store.delete(key)
            if let revision = result.revision { say("ack \(revision) \(key) -") }
        } else if sequence % 5 == 0 {
            let result = try await store.transaction(
                Transaction(then: [.put(key, value), .put(Bytes("both/\(writer)"), value)]))
            say("ack \(result.revision) \(key) \(value)")
        } else {
            say("ack \(try await store.put(key, value)) \(key) \(value)")
        }
        if writer == 0, sequence % 60 == 0 { try await shrink(store) }
        if writer == 0, sequence % 50 == 0, store.head > store.earliest + 400 {
            try await store.compact(through: store.head - 300)
        }
    }
}

/// Shrinks the store, unless another process follows it.
private func shrink(_ store: WatchStore) async throws {
    do {
        try await store.shrink()
    } catch let error as StoreError where error.code == .locked {}
}
