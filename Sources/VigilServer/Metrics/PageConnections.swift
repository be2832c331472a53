import Synchronization

/// How many connections ask for pages now.
final class PageConnections: Sendable {
    private let count = Atomic(0)

    /// False if there are as many as may be.
    func add() -> Bool {
        guard count.add(1, ordering: .relaxed).newValue <= Limits.monitoringConnections else {
            remove()
            return false
        }
        return true
    }

    func remove() {
        count.subtract(1, ordering: .relaxed)
    }
}
