import Synchronization

/// Counts the calls there are: those that are open, and those that are over for the client while their handlers still run.
/// It is the latter that a client makes many of which opens streams and resets them at once (CVE-2023-44487).
final class CallCounter: Sendable {
    private let value = Atomic(0)

    var count: Int { value.load(ordering: .relaxed) }

    func begin() { value.add(1, ordering: .relaxed) }

    func end() { value.subtract(1, ordering: .relaxed) }
}
