import Foundation
import Synchronization

/// Threads that do the same at the same time.
enum Producers {
    /// In nanoseconds.
    struct Times {
        /// From the first that began to the last that ended.
        var elapsed: Int
        /// What all of them used.
        var processor: Int
    }

    private final class Results: Sendable {
        let times = Mutex<[(start: Int, end: Int, processor: Int)]>([])
    }

    /// Runs `body` on `count` threads, and waits for them.
    static func run(_ count: Int, _ body: @escaping @Sendable () -> Void) -> Times {
        let (ready, begin, finished) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0), DispatchGroup())
        let results = Results()
        for _ in 0..<count {
            finished.enter()
            Thread.detachNewThread {
                ready.signal()
                begin.wait()
                let (start, used) = (now(), processorTime())
                body()
                let (end, usedThen) = (now(), processorTime())
                results.times.withLock { $0.append((start, end, usedThen - used)) }
                finished.leave()
            }
        }
        for _ in 0..<count { ready.wait() }
        for _ in 0..<count { begin.signal() }
        finished.wait()
        return results.times.withLock { times in
            Times(
                elapsed: times.map(\.end).max()! - times.map(\.start).min()!,
                processor: times.map(\.processor).reduce(0, +))
        }
    }
}
