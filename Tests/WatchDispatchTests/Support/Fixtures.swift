import Changes
import Testing

@testable import WatchDispatch

/// One revision that puts `key`.
func update(_ revision: Revision, _ key: Bytes = "k") -> WatchUpdate {
    WatchUpdate(revision: revision, events: [WatchEvent(type: .put, key: key, revision: revision)])
}

/// Repeatable random numbers (SplitMix64). The seed belongs into every failure message.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
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
