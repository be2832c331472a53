import Changes
import RevisionLog
import Threads

/// Where revisions are assigned, by one thread at a time, the leader. Whatever waits when it begins becomes one group: one
/// frame, one flush.
///
/// There is a thread for it. A writer whose own thread may wait for a flush can have that lead (``Leading``), which
/// spares a lone writer two changes of threads, half of what its put would take. So that nobody else has to wait for
/// such a thread, it leads one group, of few requests, and only while flushes are fast.
final class Committer: Sendable {
    /// One write, and who waits for it.
    ///
    /// The continuations are the unchecked kind, since each write makes one: every request taken from the queue is
    /// answered exactly once, in `answer` or `refuse`.
    enum Request: Sendable {
        case put(WrittenKey, Bytes, UnsafeContinuation<Revision, any Error>)
        case transaction(Transaction, UnsafeContinuation<TransactionResult, any Error>)
        /// One of several that were submitted together.
        case part(Transaction, index: Int, of: CommitSeries)
        /// Deletes the keys of a lease.
        case ending(Int64, UnsafeContinuation<CommitGroup.Ending, any Error>)
    }

    private enum Leader: Equatable {
        case nobody
        /// A writer's thread will be, soon: that of the first who waits.
        case scheduled(UInt64)
        case running
    }

    /// Whenever somebody waits there is a leader, or the thread was notified.
    private struct Queue {
        var waiting: [Request] = []
        var leader = Leader.nobody
        /// How often a writer's thread was to come.
        var leads: UInt64 = 0
        /// Whether the last group took so little time that a writer's thread may lead one.
        var isFast = false
        var isStopping = false

        /// Why `count` more cannot wait, if they cannot.
        func refusal(of count: Int) -> StoreError? {
            if isStopping { return StoreError(.closed, "the store is closed") }
            if waiting.count + count <= Limits.waitingWrites { return nil }
            return StoreError(
                .busy,
                "\(waiting.count) writes wait and \(count) come; the limit is \(Limits.waitingWrites): "
                    + "let some finish first")
        }

        /// Whether what waits is left to a writer's thread.
        var isLeft: Bool {
            switch leader {
            case .nobody: false
            case .scheduled: waiting.count <= Limits.ledInPlace && !isStopping
            case .running: true
            }
        }
    }

    private let queue = Monitor(Queue())
    private let groups: GroupWriter
    private let thread = Monitor<OSThread?>(nil)

    /// `clock` says the commit time of a group, in milliseconds since 1970. `committed` is called by the leader with each
    /// group as soon as it can be read: those who wait for events have further to go than its writers, who are told next.
    init(
        log: RevisionLog, clock: @escaping @Sendable () -> Int64, committed: @escaping @Sendable (ChangeBatch) -> Void
    ) {
        groups = GroupWriter(log: log, clock: clock, committed: committed)
        let started = OSThread { [self] in run() }
        thread.withLock { $0 = started }
    }

    /// How many writes wait.
    var waiting: Int { queue.withLock { $0.waiting.count } }
    /// Whether a writer's thread would come to lead.
    var mayBeLed: Bool { queue.withLock { $0.isFast && $0.leader == .nobody && $0.waiting.isEmpty } }

    /// Queues a write; it is answered when it is durable and visible, or has failed. With `leading` the caller's thread
    /// may come to lead.
    func submit(_ request: Request, leading: Leading<CommitGroup.Outcome>? = nil) {
        var lead: UInt64?
        let refusal: StoreError? = queue.withLock { queue in
            if let refusal = queue.refusal(of: 1) { return refusal }
            queue.waiting.append(request)
            if leading != nil, queue.isFast, queue.leader == .nobody, queue.waiting.count == 1 {
                queue.leads += 1
                queue.leader = .scheduled(queue.leads)
                lead = queue.leads
            }
            return nil
        }
        if let refusal { return request.refuse(refusal) }
        guard let leading, let lead else { return queue.wake() }
        leading.schedule { self.lead(lead, leading) }
    }

    /// Queues writes, to be made in this order.
    func submit(_ requests: [Request]) {
        let refusal: StoreError? = queue.notify { queue in
            if let refusal = queue.refusal(of: requests.count) { return refusal }
            queue.waiting += requests
            return nil
        }
        if let refusal { for request in requests { request.refuse(refusal) } }
    }

    /// Commits what waits and ends the thread. Blocks.
    func stop() {
        queue.notify { $0.isStopping = true }
        thread.withLock { $0 }?.join()
    }

    // MARK: The leader

    private func run() {
        var requests: [Request] = []
        while true {
            requests.removeAll(keepingCapacity: true)
            let isOver: Bool = queue.wait { queue -> Bool? in
                if queue.isLeft { return nil }
                if queue.waiting.isEmpty { return queue.isStopping ? true : nil }
                queue.leader = .running
                swap(&queue.waiting, &requests)
                return false
            }!
            if isOver { return }
            write(requests)
        }
    }

    /// Leads one group on a writer's thread, unless others have taken it over meanwhile, or it would have to wait for room.
    private func lead(_ number: UInt64, _ leading: Leading<CommitGroup.Outcome>) {
        let hasRoom = groups.hasRoom
        let requests: [Request] = queue.withLock { queue in
            guard queue.leader == .scheduled(number) else { return [] }
            guard hasRoom, !queue.waiting.isEmpty else {
                queue.leader = .nobody
                return []
            }
            queue.leader = .running
            defer { queue.waiting = [] }
            return queue.waiting
        }
        if requests.isEmpty { queue.wake() } else { write(requests, firstOf: leading) }
    }

    private func write(_ requests: [Request], firstOf leading: Leading<CommitGroup.Outcome>? = nil) {
        let began = ContinuousClock.now
        groups.write(requests, firstOf: leading)
        let isFast = ContinuousClock.now - began <= Limits.ledTime
        let wakes = queue.withLock { queue in
            queue.leader = .nobody
            queue.isFast = isFast
            return queue.isStopping || !queue.waiting.isEmpty
        }
        if wakes { queue.wake() }
    }
}

extension Committer.Request {
    /// Resumes the writer: with its own error, else with the group's, else with the outcome.
    func answer(_ outcome: CommitGroup.Outcome, _ failure: StoreError?) {
        if case .refused(let error) = outcome { return refuse(error) }
        if let failure { return refuse(failure) }
        // Only what each needs is taken out: to copy a request counts references to its key and value.
        switch self {
        case .put(_, _, let continuation):
            if case .put(let revision) = outcome { return continuation.resume(returning: revision) }
        case .transaction(_, let continuation):
            if case .transaction(let result) = outcome { return continuation.resume(returning: result) }
        case .part(_, let index, let series):
            if case .transaction(let result) = outcome { return series.finish(index, .success(result)) }
        case .ending(_, let continuation):
            if case .ending(let ending) = outcome { return continuation.resume(returning: ending) }
        }
        preconditionFailure("a request was answered as if it were another")
    }

    /// That of its key, if it is a put.
    var hash: UInt32? {
        if case .put(let key, _, _) = self { key.hash } else { nil }
    }

    /// Bytes of the key and value that it puts, if that is all it does.
    var putBytes: Int {
        if case .put(let key, let value, _) = self { key.key.count + value.count } else { 0 }
    }

    func refuse(_ error: StoreError) {
        switch self {
        case .put(_, _, let continuation): continuation.resume(throwing: error)
        case .transaction(_, let continuation): continuation.resume(throwing: error)
        case .part(_, let index, let series): series.finish(index, .failure(error))
        case .ending(_, let continuation): continuation.resume(throwing: error)
        }
    }
}

/// Transactions that were submitted together, and who waits for all of them.
final class CommitSeries: Sendable {
    typealias Outcome = Result<TransactionResult, StoreError>

    private let outcomes: Lock<(finished: [Outcome?], left: Int)>
    private let continuation: UnsafeContinuation<[Outcome], Never>

    /// `count` must not be 0.
    init(count: Int, _ continuation: UnsafeContinuation<[Outcome], Never>) {
        outcomes = Lock((Array(repeating: nil, count: count), count))
        self.continuation = continuation
    }

    func finish(_ index: Int, _ outcome: Outcome) {
        let all: [Outcome]? = outcomes.withLock { outcomes in
            outcomes.finished[index] = outcome
            outcomes.left -= 1
            return outcomes.left == 0 ? outcomes.finished.map { $0! } : nil
        }
        if let all { continuation.resume(returning: all) }
    }
}
