import Synchronization

/// What a watcher read of the history.
struct HistoryReading: Sendable {
    var events: Int
    var time: Int64
    /// Whether it came to the end within the time limit.
    var isComplete: Bool
}

extension StoreSession {
    /// Watches `keys` from one revision until it has seen another, or the time is over.
    func read(
        _ keys: Keys, from: Int64, through: Int64, seconds: Double
    ) async throws -> HistoryReading {
        let end = Arrivals(1)
        let counter = EventCounter()
        let start = now()
        let watch = try await watch(keys, from: from) { revision in
            if counter.count(reaches: revision >= through) { end.arrive() }
        }
        let isComplete = await end.wait(seconds: seconds)
        let time = now() - start
        let events = counter.count
        await watch.cancel()
        return HistoryReading(events: events, time: time, isComplete: isComplete)
    }
}

/// Counts events, and says once that the last has come.
private final class EventCounter: Sendable {
    private let events = Atomic(0)
    private let isOver = Atomic(false)

    var count: Int { events.load(ordering: .relaxed) }

    /// Called by one watcher, one event after the other.
    func count(reaches end: Bool) -> Bool {
        events.store(events.load(ordering: .relaxed) + 1, ordering: .relaxed)
        return end && !isOver.exchange(true, ordering: .relaxed)
    }
}
