import Dispatch
import WatchDispatch

/// Stops the dispatcher wherever a revision is missing, until it is opened: so a queue can be filled before any of it is
/// dispatched, and the end seen without anything in between.
final class Gate: UpdateSource {
    private let arrival = DispatchSemaphore(value: 0)
    private let opening = DispatchSemaphore(value: 0)

    func updates(from: Revision, through: Revision, limit: Int) -> (updates: [WatchUpdate], next: Revision) {
        arrival.signal()
        opening.wait()
        return ([], through + 1)
    }

    /// Blocks until the dispatcher stands at the gate.
    func awaitArrival() { arrival.wait() }

    func open() { opening.signal() }
}
