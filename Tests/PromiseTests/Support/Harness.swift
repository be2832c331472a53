import RevisionLog
import TestSupport
import Testing
import Vigil

/// Runs `body` with a new store in a temporary directory, closed at the end.
func withStore<R>(
    _ options: StoreOptions = tightOptions(), _ body: (WatchStore) async throws -> R
) async throws -> R {
    try await withTemporaryDirectory { path in
        let store = try await WatchStore.open(path, options: options)
        let result = try await body(store)
        try await store.close()
        return result
    }
}

/// A queue of one and buffers of one, so that everything overflows; small checkpoints and segments.
func tightOptions(queue: Int = 1, buffer: Int = 1) -> StoreOptions {
    var options = StoreOptions()
    options.watch.eventQueueSize = queue
    options.watch.watcherBufferSize = buffer
    options.log.checkpointBytes = 16 << 10
    options.log.checkpointInterval = .milliseconds(20)
    options.log.segmentBytes = 128 << 10
    options.log.firstSegmentBytes = 8 << 10
    options.log.transactionBytes = 32 << 10
    return options
}

/// Several tasks that write at the same time: puts, deletes and transactions, over keys that they share.
func writeConcurrently(_ store: WatchStore, writers: Int = 6, each: Int = 120) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for writer in 0..<writers {
            group.addTask {
                for index in 0..<each {
                    let key = Bytes("\(["a", "b", "c"][index % 3])/\((writer + index) % 10)")
                    switch index % 6 {
                    case 4: try await store.delete(key)
                    case 5:
                        try await store.transaction(
                            Transaction(then: [.put(key, "t"), .put("both", "\(writer)"), .delete("a/0-\(writer)")]))
                    default: try await store.put(key, Bytes("\(writer)-\(index)"))
                    }
                }
            }
        }
        try await group.waitForAll()
    }
}

/// The elements of `watch` until everything through `last` was delivered.
func collectElements(_ watch: Watch, through last: Revision) async throws -> [WatchElement] {
    var elements: [WatchElement] = []
    watch.requestProgress()
    for try await element in watch {
        elements.append(element)
        switch element {
        case .update(let update):
            if update.revision >= last { return elements }
        case .progress(let revision):
            if revision >= last { return elements }
            watch.requestProgress()
        case .state, .synced, .gap: break
        }
    }
    return elements
}

func updates(in elements: [WatchElement]) -> [WatchUpdate] {
    elements.compactMap { element in
        guard case .update(let update) = element else { return nil }
        return update
    }
}

/// The updates of `watch` until everything through `last` was delivered.
func collect(_ watch: Watch, through last: Revision) async throws -> [WatchUpdate] {
    updates(in: try await collectElements(watch, through: last))
}

/// What the log has of `keys` from `first` on.
func logged(_ store: WatchStore, _ keys: KeyRange = .all, from first: Revision = 1) throws -> [WatchEvent] {
    var events: [WatchEvent] = []
    var next: Revision? = max(first, store.earliest)
    while let revision = next {
        let page = try store.log(keys, from: revision)
        events += page.updates.flatMap(\.events)
        next = page.next
    }
    return events
}

/// The kinds of key range that the routing treats differently.
let ranges: [KeyRange] = [.key("a/1"), .key("both"), .prefix("a/"), .range("a/5", "b/5"), .from("b/"), .all]
