import Dispatch
import WatchDispatch

/// Stops the dispatcher wherever a revision is missing, until it is opened: so a queue can be filled before any of it is
/// dispatched. It looks at the clock on the dispatcher's own thread.
final class Gate: UpdateSource {
    private let arrival = DispatchSemaphore(value: 0)
    private let opening = DispatchSemaphore(value: 0)
    private let arrived = Box(0)
    private let left = Box(0)

    func updates(from: Revision, through: Revision, limit: Int) -> (updates: [WatchUpdate], next: Revision) {
        arrived.value = now()
        arrival.signal()
        opening.wait()
        left.value = now()
        return ([], through + 1)
    }

    /// Blocks until the dispatcher stands at the gate, and returns the nanoseconds since it left it last.
    @discardableResult
    func awaitArrival() -> Int {
        arrival.wait()
        return arrived.value - left.value
    }

    func open() { opening.signal() }
}
