import Synchronization
import Threads

/// Lets the dispatcher sleep, and producers wake it at the cost of one atomic load when it does not.
///
/// No wake-up is lost: the sleeper announces itself, then looks for work once more; a producer adds its work, then looks
/// for the announcement. All of it is sequentially consistent, so at least one of the two sees the other.
///
/// Somebody may do a little of the sleeper's work in its place. To all others it is awake meanwhile, and then it goes to
/// sleep once more, in the same way.
final class WakeUp: Sendable {
    private enum State {
        static let awake = 0
        static let asleep = 1
    }

    private let state = Atomic<Int>(State.awake)
    /// The sleeper; set before `state` says that it sleeps.
    private let sleeper = Lock<UnsafeContinuation<Void, Never>?>(nil)
    /// Whether the sleeper's task was cancelled, for those who stand in for it.
    private let isCancelled = Atomic(false)

    var isAsleep: Bool { state.load(ordering: .sequentiallyConsistent) == State.asleep }

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
            isCancelled.store(true, ordering: .sequentiallyConsistent)
            wake()
        }
        // What who stood in has done is seen from here on: with the continuation too, but that ThreadSanitizer does not see.
        _ = state.load(ordering: .acquiring)
    }

    /// Does the sleeper's work in its place, if it sleeps: nobody else does any while `work` runs. `hasMore` is asked with
    /// its result, after the sleep was announced again: if it says yes the sleep is over.
    ///
    /// - Returns: false if nobody slept; then nothing was done.
    func standIn<R>(_ work: () -> R, unless hasMore: (R) -> Bool) -> Bool {
        guard isAsleep,
            state.exchange(State.awake, ordering: .sequentiallyConsistent) == State.asleep
        else { return false }
        let result = work()
        _ = state.exchange(State.asleep, ordering: .sequentiallyConsistent)
        if hasMore(result) || isCancelled.load(ordering: .sequentiallyConsistent) { wake() }
        return true
    }

    /// Ends the sleep, if there is one. To be called after work was added with a sequentially consistent operation.
    func wake() {
        guard isAsleep else { return }
        guard state.exchange(State.awake, ordering: .sequentiallyConsistent) == State.asleep else { return }
        sleeper.withLock { $0.take() }?.resume()
    }
}
