import GRPCServer
import Threads
import Vigil
import WireMessages

/// A watch that is near the head, as the ``LiveSender`` of its stream sees it. Its task waits in ``LiveSender/follow(_:)``
/// for what is not the sender's to do.
final class FollowedWatch: Sendable {
    /// Why its task goes on.
    enum Turn: Sendable {
        /// Everything through here was sent.
        case progress(Revision)
        /// Everything before these changes was sent.
        case large(LargeUpdate)
        /// The log has to be read, or the watch has ended.
        case elsewhere
        case failed(any Error)
    }

    private struct State {
        var permit: WatchPermit
        /// Its task, while it waits.
        var follower: UnsafeContinuation<Turn, Never>?
        var isCancelled = false
        /// What has the sender look at the watch again.
        var bell: (@Sendable () -> Void)?
    }

    let id: Int64
    let watch: Watch
    private let request: EtcdWatchCreateRequest
    private let state: Lock<State>
    /// What it wants to see, to compare; nil if it can share that with nobody.
    let interest: WatchInterest?

    init(_ id: Int64, _ watch: Watch, _ request: EtcdWatchCreateRequest, _ permit: WatchPermit) {
        self.id = id
        self.watch = watch
        self.request = request
        interest = request.wantsNothing ? nil : WatchInterest(request)
        state = Lock(State(permit: permit))
    }

    /// Whether a response may be split.
    var wantsFragments: Bool { request.fragment }

    /// Makes `batch` an empty one of its events.
    func begin(_ batch: inout EventBatch) { batch.begin(id, request) }

    /// Another watch of the store that sees the same, from now on.
    func twin(in store: WatchStore) throws -> Watch {
        try store.watch(request.keys, from: .now, options: request.options)
    }

    /// Has the events of `batch`, from `revision` on, taken for this watch.
    func address(_ batch: inout EventBatch, from revision: Revision) {
        batch.address(id, request, from: revision)
    }

    /// - Throws: ``WatchPermitLost`` if its events may no more be sent.
    func checkPermit() throws { try state.withLock { try $0.permit.check() } }

    /// Its task waits from now on. False if it must not.
    func wait(_ follower: UnsafeContinuation<Turn, Never>, bell: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            guard !state.isCancelled else { return false }
            state.follower = follower
            state.bell = bell
            return true
        }
    }

    /// What to have called when there may be something to send; nil if its task does not wait.
    var bell: (@Sendable () -> Void)? { state.withLock { $0.bell } }

    /// Lets its task go on.
    func end(_ turn: Turn) {
        let follower = state.withLock { state in
            state.bell = nil
            return state.follower.take()
        }
        follower?.resume(returning: turn)
    }

    /// Lets its task go on, and wait no more.
    func cancel() {
        state.withLock { $0.isCancelled = true }
        end(.elsewhere)
    }
}
