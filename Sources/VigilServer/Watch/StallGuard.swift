import Threads
import Vigil

/// Notices that a client does not take what it is being sent, so that what waits in the buffers of its watches is let go of:
/// they are parked, and read the log when the client reads again.
final class StallGuard: Sendable {
    private struct State {
        /// How often sending has begun, whether it goes on, and which time that was when somebody last looked.
        var round = 0
        var isSending = false
        var roundSeen: Int?
    }

    private let state = Lock(State())
    private let watches: @Sendable () -> [Watch]

    /// - Parameter watches: What the client watches now.
    init(_ watches: @escaping @Sendable () -> [Watch]) {
        self.watches = watches
    }

    /// Runs `send`, which waits while the client does not read.
    func sending(_ send: () async throws -> Void) async throws {
        state.withLock { state in
            state.round += 1
            state.isSending = true
        }
        defer { state.withLock { $0.isSending = false } }
        try await send()
    }

    /// Parks the watches if it is still sending what it was sending when this was last called. Returns how many.
    @discardableResult
    func parkIfStalled() -> Int {
        let isStalled = state.withLock { state in
            defer { state.roundSeen = state.isSending ? state.round : nil }
            return state.isSending && state.roundSeen == state.round
        }
        guard isStalled else { return 0 }
        let watches = watches()
        for watch in watches { watch.park() }
        return watches.count
    }
}
