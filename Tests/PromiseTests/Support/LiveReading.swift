import Synchronization
import Vigil

/// Reads a watch in a task of its own while others write.
///
/// A watch is registered by its first read. `init` returns when that is done, so what is written after it finds the
/// watch registered, and not only in the log.
final class LiveReading: Sendable {
    let watch: Watch
    private let last: Target
    private let task: Task<[WatchElement], any Error>

    /// The revision at which the reading ends, once that is known.
    private final class Target: Sendable {
        private let revision = Atomic<Revision>(.max)

        func set(_ last: Revision) { revision.store(last, ordering: .sequentiallyConsistent) }
        var value: Revision { revision.load(ordering: .sequentiallyConsistent) }
    }

    /// The watch must not start in the future: what is awaited is its first progress.
    init(_ watch: Watch) async throws {
        var first: [WatchElement] = []
        watch.requestProgress()
        for try await element in watch {
            first.append(element)
            if case .progress = element { break }
        }
        let last = Target()
        let delivered = first
        self.watch = watch
        self.last = last
        task = Task {
            var elements = delivered
            for try await element in watch {
                elements.append(element)
                switch element {
                case .update(let update):
                    if update.revision >= last.value { return elements }
                case .progress(let revision):
                    if revision >= last.value { return elements }
                    // It may have been on its way before the end was known, and then no other comes by itself.
                    if last.value < .max { watch.requestProgress() }
                case .state, .synced, .gap: break
                }
            }
            return elements
        }
    }

    /// What was delivered until everything through `revision` was, which must be committed.
    func finish(through revision: Revision) async throws -> [WatchElement] {
        last.set(revision)
        watch.requestProgress()
        return try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    }
}

/// Returns when the dispatcher has dealt with everything that is visible, and with what came and went before: the first
/// progress of a new watch comes after that.
func waitForTheDispatcher(of store: WatchStore) async throws {
    _ = try await collect(store.watch(.key("none")), through: store.head)
}

/// Watches all `ranges` while `writeConcurrently` runs, and returns for each its updates.
func watchAll(
    _ store: WatchStore, options: WatchOptions = WatchOptions(), from start: WatchStart = .now
) async throws -> [(KeyRange, [WatchUpdate])] {
    var readings: [(KeyRange, LiveReading)] = []
    for range in ranges {
        readings.append((range, try await LiveReading(store.watch(range, from: start, options: options))))
    }
    try await writeConcurrently(store)
    var results: [(KeyRange, [WatchUpdate])] = []
    for (range, reading) in readings {
        results.append((range, updates(in: try await reading.finish(through: store.head))))
    }
    return results
}
