import Synchronization
import Threads

/// Lets the dispatcher sleep, and producers wake it at the cost of one atomic load when it does not.
///
/// No wake-up is lost: the sleeper announces itself, then looks for work once more; a producer adds its work, then looks
/// for the announcement. All of it is sequentially consistent, so at least one of the two sees the other.
final class WakeUp: Sendable {
    private enum State {
        static let awake = 0
        static let asleep = 1
    }

    private let state = Atomic<Int>(State.awake)
    /// The sleeper; set before `state` says that it sleeps.
    private let sleeper = Lock<UnsafeContinuation<Void, Never>?>(nil)

    /// Sleeps until `wake` was called. `hasWork` is asked after the sleep was announced; if it says yes the sleep is
    /// over at once. One sleeper at a time.
    func sleep(unless hasWork: @Sendable () -> Bool) async {
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                sleeper.withLock { $0 = continuation }
                _ = state.exchange(State.asleep, ordering: .sequentiallyConsistent)
                if hasWork() || Task.isCancelled { wake() }
            }
        } onCancel: {
            wake()
        }
    }

    /// Ends the sleep, if there is one. To be called after work was added with a sequentially consistent operation.
    func wake() {
        guard state.load(ordering: .sequentiallyConsistent) == State.asleep else { return }
        guard state.exchange(State.awake, ordering: .sequentiallyConsistent) == State.asleep else { return }
        sleeper.withLock { $0.take() }?.resume()
    }
}
