import Changes
import Testing

@testable import WatchDispatch

/// One revision that puts `key`.
func update(_ revision: Revision, _ key: Bytes = "k") -> WatchUpdate {
    WatchUpdate(revision: revision, events: [WatchEvent(type: .put, key: key, revision: revision)])
}

/// One revision after the other from `first` on, each of which puts a key.
func batch(_ first: Revision, _ keys: [Bytes]) -> ChangeBatch {
    let all = ChangeBatch(
        revision: first, events: keys.map { WatchEvent(type: .put, key: $0, revision: first) })
    return ChangeBatch(
        firstRevision: first, storage: all.storage, entries: all.entries,
        recordStarts: (0...keys.count).map { UInt32($0) }, commitTimes: all.commitTimes)
}

/// The revisions of the next updates.
func revisions(_ handle: WatcherHandle, _ count: Int) async throws -> [Revision] {
    var reader = handle.makeAsyncIterator()
    var revisions: [Revision] = []
    while revisions.count < count, case .update(let update)? = try await reader.next() {
        revisions.append(update.revision)
    }
    return revisions
}

/// Runs `body` beside a dispatcher of `registry`, which is shut down at the end.
func withDispatcher<R>(
    _ registry: WatchRegistry, source: (any UpdateSource)? = nil, _ body: () async throws -> R
) async rethrows -> R {
    try await withDispatcher(registry, WatchDispatcher(registry: registry, source: source), body)
}

/// The same with a dispatcher of `registry` that was made before.
func withDispatcher<R>(
    _ registry: WatchRegistry, _ dispatcher: WatchDispatcher, _ body: () async throws -> R
) async rethrows -> R {
    let dispatching = Task { await dispatcher.run() }
    defer { registry.shutdown() }
    let result = try await body()
    registry.shutdown()
    await dispatching.value
    return result
}
