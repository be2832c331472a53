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
    options.log.cursorInterval = .milliseconds(10)
    options.log.mapBytes = 1 << 20
    return options
}

/// Writes with six tasks until it is killed: `ack REVISION KEY VALUE`, with `-` for a delete.
func write(to path: String, seed: String, isSync: Bool) async throws {
    let store = try await WatchStore.open(
        path, options: smallOptions(isSync ? .sync : .interval(.milliseconds(5))))
    try await withThrowingTaskGroup(of: Void.self) { group in
        for writer in 0..<6 {
            group.addTask {
                try await writeForEver(store, seed: seed, writer: writer, compacts: writer == 0) { say($0) }
            }
        }
        group.addTask { try await readForEver(store) { _ in } }
        try await group.waitForAll()
    }
}

/// Writes with two tasks and reads from the cursor "reader", until it is killed: `read REVISION` before an element is
/// handled, `durable REVISION` when everything through that was acknowledged durably.
func writeAndRead(_ path: String, seed: String) async throws {
    let store = try await WatchStore.open(path, options: smallOptions(.sync))
    try await withThrowingTaskGroup(of: Void.self) { group in
        for writer in 0..<2 {
            group.addTask { try await writeForEver(store, seed: seed, writer: writer, compacts: false) { _ in } }
        }
        group.addTask { try await readForEver(store) { say($0) } }
        try await group.waitForAll()
    }
}

/// A cursor's watch, which acknowledges as it reads.
private func readForEver(_ store: WatchStore, _ say: (String) -> Void) async throws {
    while true {
        do {
            let watch = try store.watch(.all, from: .cursor("reader"))
            var handled: Revision = 0
            var count = 0
            for try await element in watch {
                let revision = watch.resumeRevision - 1
                if case .update = element { say("read \(revision)") } else { say("passed \(revision)") }
                count += 1
                if count % 16 == 0 {
                    try await watch.flushAcknowledged()
                    say("durable \(handled)")
                }
                handled = revision
            }
        } catch let error as StoreError where error.code == .compacted {
            try await store.setCursor("reader", to: .earliest)
        }
    }
}

/// One of several that write at the same time. What it writes follows from the seed and its own count, and is what
/// `WriterTrace` in the tests expects.
private func writeForEver(
    _ store: WatchStore, seed: String, writer: Int, compacts: Bool, _ say: (String) -> Void
) async throws {
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
        if compacts, sequence % 50 == 0, store.head > store.earliest + 400 {
            try await store.compact(through: store.head - 300)
        }
    }
}
