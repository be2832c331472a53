import Changes
import RevisionLog
import Threads

/// The one thread that assigns revisions. Whatever waits when it is free becomes one group: one frame, one flush.
final class Committer: Sendable {
    /// One write, and who waits for it.
    ///
    /// The continuations are the unchecked kind, since each write makes one: every request taken from the queue is
    /// answered exactly once, in `answer` or `refuse`.
    enum Request: Sendable {
        case put(Bytes, Bytes, UnsafeContinuation<Revision, any Error>)
        case transaction(Transaction, UnsafeContinuation<TransactionResult, any Error>)
        /// One of several that were submitted together.
        case part(Transaction, index: Int, of: CommitSeries)
        /// Deletes the keys of a lease.
        case ending(Int64, UnsafeContinuation<CommitGroup.Ending, any Error>)
    }

    private struct Queue {
        var waiting: [Request] = []
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
    }

    private let queue = Monitor(Queue())
    private let log: RevisionLog
    private let clock: @Sendable () -> Int64
    private let committed: @Sendable (ChangeBatch) -> Void
    private let thread = Monitor<OSThread?>(nil)

    /// `clock` says the commit time of a group, in milliseconds since 1970. `committed` is called on the committer's
    /// thread with each group, when its writers' acknowledgement is under way.
    init(
        log: RevisionLog, clock: @escaping @Sendable () -> Int64, committed: @escaping @Sendable (ChangeBatch) -> Void
    ) {
        self.log = log
        self.clock = clock
        self.committed = committed
        let started = OSThread { [self] in run() }
        thread.withLock { $0 = started }
    }

    /// Queues a write; it is answered when it is durable and visible, or has failed.
    func submit(_ request: Request) {
        let refusal: StoreError? = queue.notify { queue in
            if let refusal = queue.refusal(of: 1) { return refusal }
            queue.waiting.append(request)
            return nil
        }
        if let refusal { request.refuse(refusal) }
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

    // MARK: On the thread

    private func run() {
        let versions = RecentVersions(log: log)
        var requests: [Request] = []
        var answers: [CommitGroup.Outcome] = []
        while true {
            requests.removeAll(keepingCapacity: true)
            let isOver: Bool = queue.wait { queue -> Bool? in
                if queue.waiting.isEmpty { return queue.isStopping ? true : nil }
                swap(&queue.waiting, &requests)
                return false
            }!
            if isOver { return }
            var done = 0
            while done < requests.count { done = commitGroup(requests, from: done, versions, &answers) }
        }
    }

    /// Commits as many of `requests` as make one group, from `first` on; returns where the next group begins.
    private func commitGroup(
        _ requests: [Request], from first: Int, _ versions: RecentVersions, _ outcomes: inout [CommitGroup.Outcome]
    ) -> Int {
        versions.forget()
        var group = CommitGroup(log: log, versions: versions)
        outcomes.removeAll(keepingCapacity: true)
        var next = first
        while next < requests.count, group.accepts(requests[next]) {
            outcomes.append(group.add(requests[next]))
            next += 1
        }
        var batch: ChangeBatch?
        var failure: StoreError?
        if !group.isEmpty {
            let finished = group.finish(milliseconds: clock())
            do {
                try log.append(finished)
                batch = finished
            } catch {
                failure = StoreError(wrapping: error)
                versions.reload()
            }
        }
        Answers(requests: requests[first..<next], outcomes: outcomes, failure: failure).give()
        if let batch { committed(batch) }
        return next
    }
}

/// What to tell the writers of one group.
private struct Answers: Sendable {
    let requests: ArraySlice<Committer.Request>
    let outcomes: [CommitGroup.Outcome]
    let failure: StoreError?

    /// Resumes the writers. Many are resumed by a task: from this thread each would wake a thread of the tasks' pool that
    /// has just fallen asleep, which costs more than the rest of a put; from within the pool the first does.
    func give() {
        if requests.count > Limits.answersInPlace {
            Task.detached { resumeAll() }
        } else {
            resumeAll()
        }
    }

    private func resumeAll() {
        for (request, outcome) in zip(requests, outcomes) { request.answer(outcome, failure) }
    }
}

extension Committer.Request {
    /// Resumes the writer: with its own error, else with the group's, else with the outcome.
    fileprivate func answer(_ outcome: CommitGroup.Outcome, _ failure: StoreError?) {
        switch (self, outcome, failure) {
        case (_, .refused(let error), _): refuse(error)
        case (_, _, let error?): refuse(error)
        case (.put(_, _, let continuation), .put(let revision), nil): continuation.resume(returning: revision)
        case (.transaction(_, let continuation), .transaction(let result), nil):
            continuation.resume(returning: result)
        case (.part(_, let index, let series), .transaction(let result), nil): series.finish(index, .success(result))
        case (.ending(_, let continuation), .ending(let ending), nil): continuation.resume(returning: ending)
        case (.put, _, nil), (.transaction, _, nil), (.part, _, nil), (.ending, _, nil):
            preconditionFailure("a request was answered as if it were another")
        }
    }

    fileprivate func refuse(_ error: StoreError) {
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
