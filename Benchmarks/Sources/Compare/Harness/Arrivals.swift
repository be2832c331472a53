import Synchronization

/// Lets one task wait until so many things have arrived.
final class Arrivals: Sendable {
    private let missing: Atomic<Int>
    private let waiter = Mutex<CheckedContinuation<Bool, Never>?>(nil)

    init(_ count: Int) {
        // One more for the waiting task itself: whoever comes last resumes it.
        missing = Atomic(count + 1)
    }

    /// Of things whose number is not known yet: ``expect(_:)`` says it, before they are waited for.
    convenience init() { self.init(Self.unknown) }

    private static let unknown = 1 << 60

    func expect(_ count: Int) {
        missing.subtract(Self.unknown - count, ordering: .acquiringAndReleasing)
    }

    func arrive() {
        if missing.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { resume(true) }
    }

    /// Waits for all; true if they came within `seconds`. To be called once.
    func wait(seconds: Double = 60) async -> Bool {
        let limit = Task {
            try await Task.sleep(for: .seconds(seconds))
            resume(false)
        }
        defer { limit.cancel() }
        return await withCheckedContinuation { continuation in
            waiter.withLock { $0 = continuation }
            arrive()
        }
    }

    private func resume(_ value: Bool) {
        waiter.withLock { $0.take() }?.resume(returning: value)
    }
}
