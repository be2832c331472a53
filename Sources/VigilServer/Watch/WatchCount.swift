import Synchronization

/// Counts the watches of all streams, up to a limit.
final class WatchCount: Sendable {
    private let limit: Int
    private let value = Atomic(0)

    init(limit: Int) {
        self.limit = limit
    }

    /// Takes the place of one watch, if there is one.
    func take() -> Bool {
        if value.add(1, ordering: .relaxed).newValue <= limit { return true }
        release()
        return false
    }

    func release() { value.subtract(1, ordering: .relaxed) }
}
