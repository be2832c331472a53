import Changes
import Testing

@testable import WatchDispatch

/// One revision that puts `key`.
func update(_ revision: Revision, _ key: Bytes = "k") -> WatchUpdate {
    WatchUpdate(revision: revision, events: [WatchEvent(type: .put, key: key, revision: revision)])
}

/// Runs `body` beside a dispatcher of `registry`, which is shut down at the end.
func withDispatcher<R>(
    _ registry: WatchRegistry, source: (any UpdateSource)? = nil, _ body: () async throws -> R
) async rethrows -> R {
    let dispatching = Task { await WatchDispatcher(registry: registry, source: source).run() }
    defer { registry.shutdown() }
    let result = try await body()
    registry.shutdown()
    await dispatching.value
    return result
}
