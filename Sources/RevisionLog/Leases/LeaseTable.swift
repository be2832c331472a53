package import Changes
import Threads

/// The leases of a store that is open for writing: which there are, and when each ends.
///
/// Time is that of a clock that nobody sets. How long a lease has left is known here alone; that it exists is in LMDB.
package final class LeaseTable: Sendable {
    /// A moment of the clock.
    package typealias Instant = ContinuousClock.Instant

    /// What there is of one lease.
    package struct Lease: Sendable {
        package var seconds: Int64
        package var deadline: Instant
        package var phase: Phase
    }

    package enum Phase: Sendable {
        /// Being written; nothing can be attached yet.
        case granting
        case live
        /// Its keys are being deleted; nothing can be attached any more.
        case ending
    }

    private struct State {
        var leases: [Int64: Lease] = [:]
        /// When the thread that ends leases looks next, if it waits for a moment.
        var nextLook: Instant?
        var wakes = false
        var isStopping = false
        var recent = RecentAttachments()
    }

    private let state = Monitor(State())
    package let now: @Sendable () -> Instant

    package init(now: @escaping @Sendable () -> Instant) {
        self.now = now
    }

    // MARK: Leases

    /// Takes over what LMDB has, each with its whole time from now on.
    func load(_ leases: [(id: Int64, entry: LeaseEntry)]) {
        let now = now()
        state.notify { state in
            for (id, entry) in leases {
                state.leases[id] = Lease(
                    seconds: entry.seconds, deadline: now + .seconds(entry.seconds), phase: .live)
            }
            state.wakes = true
        }
    }

    /// Takes `id`, or a free one for 0.
    ///
    /// - Throws: `.leaseExists`; `.tooLarge` if there are as many as there may be.
    func reserve(_ id: Int64, seconds: Int64) throws(StoreError) -> Int64 {
        let taken = state.withLock { state -> Result<Int64, StoreError> in
            guard state.leases.count < Limits.leases else {
                return .failure(
                    StoreError(
                        .tooLarge, "the store has \(Limits.leases) leases, as many as it may have; revoke one first"))
            }
            if state.leases[id] != nil {
                return .failure(
                    StoreError(
                        .leaseExists, "the lease \(id) exists already; choose another id, or leave that to the store"))
            }
            var id = id
            while id == 0 || state.leases[id] != nil { id = .random(in: 1 ... .max) }
            state.leases[id] = Lease(seconds: seconds, deadline: now(), phase: .granting)
            return .success(id)
        }
        return try taken.get()
    }

    /// The lease that was being granted is there, and begins.
    func activate(_ id: Int64) {
        let now = now()
        state.notify { state in
            guard var lease = state.leases[id] else { return }
            lease.deadline = now + .seconds(lease.seconds)
            lease.phase = .live
            state.leases[id] = lease
            if state.nextLook.map({ lease.deadline < $0 }) ?? true { state.wakes = true }
        }
    }

    func remove(_ ids: [Int64]) {
        state.withLock { state in
            for id in ids { state.leases[id] = nil }
        }
    }

    /// Gives the lease its whole time again. Nil if there is none, or its time is over.
    package func renew(_ id: Int64) -> Lease? {
        let now = now()
        return state.withLock { state in
            guard var lease = state.leases[id], lease.phase == .live, lease.deadline > now else { return nil }
            lease.deadline = now + .seconds(lease.seconds)
            state.leases[id] = lease
            return lease
        }
    }

    /// The lease, unless it is only being granted.
    package func lease(_ id: Int64) -> Lease? {
        state.withLock { state in state.leases[id].flatMap { $0.phase == .granting ? nil : $0 } }
    }

    /// All of them, in the order of their ids.
    package var leases: [(id: Int64, lease: Lease)] {
        state.withLock { state in
            state.leases.filter { $0.value.phase != .granting }.map { ($0.key, $0.value) }
        }.sorted { $0.0 < $1.0 }
    }

    // MARK: Attaching

    /// Throws unless keys can be attached to the lease.
    package func requireLive(_ id: Int64) throws(StoreError) {
        guard state.withLock({ $0.leases[id]?.phase == .live }) else { throw .leaseNotFound(id) }
    }

    /// `revision` attaches `key`; LMDB has everything through `checkpoint`.
    package func attach(_ key: Bytes, to id: Int64, at revision: Revision, checkpoint: Revision) {
        state.withLock { $0.recent.note(key, id, at: revision, checkpoint: checkpoint) }
    }

    /// Keys that were attached lately, which LMDB may not have yet. Some may have been detached since.
    func recentKeys(of id: Int64) -> Set<Bytes> {
        state.withLock { $0.recent.keys(of: id) }
    }

    // MARK: Ending

    /// The lease is to end: nothing can be attached to it any more.
    package func beginEnding(_ id: Int64) throws(StoreError) {
        let isLive = state.withLock { state in
            guard state.leases[id]?.phase == .live else { return false }
            state.leases[id]?.phase = .ending
            return true
        }
        if !isLive { throw .leaseNotFound(id) }
    }

    /// Ending failed: the lease goes on, and is tried again after `pause` if its time is over.
    package func abandonEnding(_ id: Int64, pause: Duration) {
        let now = now()
        state.notify { state in
            guard var lease = state.leases[id] else { return }
            lease.phase = .live
            lease.deadline = max(lease.deadline, now + pause)
            state.leases[id] = lease
            state.wakes = true
        }
    }

    /// Takes the leases whose time is over: they are ending from now on. In the order of their deadlines.
    package func takeExpired() -> [Int64] {
        let now = now()
        return state.withLock { state in
            let expired = state.leases.filter { $0.value.phase == .live && $0.value.deadline <= now }
            for id in expired.keys { state.leases[id]?.phase = .ending }
            return expired.sorted { ($0.value.deadline, $0.key) < ($1.value.deadline, $1.key) }.map(\.key)
        }
    }

    /// Blocks until the time of a lease may be over, `tick` at least; false when it is to stop.
    package func waitForExpiry(tick: Duration) -> Bool {
        while true {
            let now = now()
            let seconds: Double? = state.withLock { state in
                state.wakes = false
                state.nextLook = state.leases.values.lazy.filter { $0.phase == .live }.map(\.deadline).min()
                return state.nextLook.map { max((now.duration(to: $0)).seconds, tick.seconds) }
            }
            let isStopping: Bool? = state.wait(seconds: seconds) { state -> Bool? in
                if state.isStopping { return true }
                return state.wakes ? false : nil
            }
            switch isStopping {
            case true?: return false
            case false?: continue
            case nil: return true
            }
        }
    }

    package func stop() {
        state.notify { $0.isStopping = true }
    }
}

/// Keys that were attached to leases, in two generations, so that forgetting costs nothing: the older one is dropped whole
/// when the checkpoint has passed it, since then LMDB's index has what it says.
private struct RecentAttachments {
    private var young: [Int64: Set<Bytes>] = [:]
    private var old: [Int64: Set<Bytes>] = [:]
    private var newest: Revision = 0
    /// The newest revision in `old`, or after it.
    private var oldThrough: Revision = 0

    mutating func note(_ key: Bytes, _ id: Int64, at revision: Revision, checkpoint: Revision) {
        if checkpoint >= oldThrough, !young.isEmpty || !old.isEmpty {
            (old, oldThrough) = (young, newest)
            young = [:]
        }
        young[id, default: []].insert(key)
        newest = max(newest, revision)
    }

    func keys(of id: Int64) -> Set<Bytes> {
        (young[id] ?? []).union(old[id] ?? [])
    }
}

extension StoreError {
    static func leaseNotFound(_ id: Int64) -> StoreError {
        StoreError(.leaseNotFound, "there is no lease \(id), or its time is over; grant one")
    }
}
