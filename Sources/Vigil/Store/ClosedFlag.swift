import Synchronization

/// Whether a store was closed; its watches, which may outlive it, ask at each step.
final class ClosedFlag: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { value.load(ordering: .acquiring) }

    /// Sets it; false if it was set before.
    func set() -> Bool { !value.exchange(true, ordering: .sequentiallyConsistent) }
}
