import GRPCClient
import Vigil
import WireMessages

/// Where a watch is: what came and was not delivered, and what was.
struct RemoteWatchState {
    /// The call on the present connection.
    private(set) var call: ClientCall?
    private var pending: [WatchElement] = []
    private var taken = 0
    /// What has come of a revision that is not complete.
    private var parts: [WireUpdate] = []
    private var partBytes = 0
    /// Everything before this revision was delivered.
    private(set) var next: Revision = 0
    /// Everything through here was; nil as long as nothing was that a cursor could be told.
    private(set) var delivered: Revision?
    var acknowledged: Revision?
    /// Everything through here came on the present connection, or the cursor had it when that began.
    private(set) var reached: Revision = 0
    /// Whether a state is being delivered.
    private var isInState = false
    private var storeID: UInt64?
    var wantsProgress = false
    var flushed: Result<Void, StoreError>?
    var isCancelled = false
    /// A pause before the next attempt to connect.
    var waiting: Task<Void?, Never>?

    init(start: WatchStart) {
        if case .snapshot = start { isInState = true }
    }

    /// The server has begun the watch, for the first time or again.
    mutating func created(_ call: ClientCall, _ created: WireWatchResponse.Created, _ store: StoreClient) throws {
        if let storeID, storeID != created.storeID {
            throw ClientError(.failed, "\(store.options.endpoint) serves another store now; begin the watch anew")
        }
        if let delivered, created.head < delivered {
            throw ClientError(
                .failed,
                "the store of \(store.options.endpoint) is at revision \(created.head), and revision \(delivered) was "
                    + "delivered: it was replaced, or has lost what was not flushed; begin the watch anew")
        }
        storeID = created.storeID
        reached = created.resume - 1
        self.call = call
        pending = []
        taken = 0
        parts = []
        partBytes = 0
        if next == 0 { next = created.resume }
        // Whoever cancelled it did not know this call.
        if isCancelled { call.cancelSoon() }
    }

    /// Where to go on; nil in the middle of a state, which is none to go on from.
    func resumption(of start: WatchStart) -> WatchStart? {
        if isInState { return nil }
        if case .cursor = start { return start }
        // A watch that was answered knows its revision, also if it started from now.
        return .revision(max(1, next))
    }

    mutating func received(_ response: WireWatchResponse) throws {
        if response.hasFlushed {
            flushed = response.flushed.hasError ? .failure(StoreError(response.flushed.error)) : .success(())
        }
        for element in response.elements { try received(element) }
    }

    private mutating func received(_ element: WireWatchResponse.Element) throws {
        switch element.element {
        case .update(let part):
            partBytes += part.events.reduce(0) { $0 + $1.size }
            guard partBytes <= Limits.updateBytes else {
                throw MalformedMessage("a revision has more than \(Limits.updateBytes) bytes")
            }
            parts.append(part)
            guard !part.isContinued else { return }
            defer {
                parts = []
                partBytes = 0
            }
            reached = max(reached, part.revision)
            // A cursor may begin before what was delivered already.
            if part.revision >= next || isInState { pending.append(.update(try WatchUpdate(parts))) }
        case .state(let state):
            isInState = true
            pending.append(.state(state.keyValues.map { KeyValue($0) }))
        case .synced(let revision):
            reached = max(reached, revision)
            pending.append(.synced(revision))
        case .progress(let revision):
            reached = max(reached, revision)
            if revision >= next - 1 { pending.append(.progress(revision)) }
        case nil: break
        }
    }

    /// The next element that came, which counts as delivered.
    mutating func takeElement() -> WatchElement? {
        guard taken < pending.count else { return nil }
        let element = pending[taken]
        taken += 1
        if taken == pending.count {
            pending = []
            taken = 0
        }
        switch element {
        case .update(let update): reached(update.revision)
        case .synced(let revision):
            isInState = false
            reached(revision)
        case .progress(let revision):
            wantsProgress = false
            reached(revision)
        case .state, .gap: break
        }
        return element
    }

    private mutating func reached(_ revision: Revision) {
        next = max(next, revision + 1)
        delivered = max(delivered ?? 0, revision)
    }
}
