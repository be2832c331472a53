import Changes
import RevisionLog
import Threads

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

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
    }

    private struct Queue {
        var waiting: [Request] = []
        var isStopping = false
    }

    private let queue = Monitor(Queue())
    private let log: RevisionLog
    private let committed: @Sendable (ChangeBatch) -> Void
    private let thread = Monitor<OSThread?>(nil)

    /// `committed` is called on the committer's thread with each group, after its writers were acknowledged.
    init(log: RevisionLog, committed: @escaping @Sendable (ChangeBatch) -> Void) {
        self.log = log
        self.committed = committed
        let started = OSThread { [self] in run() }
        thread.withLock { $0 = started }
    }

    /// Queues writes, to be made in this order; each is answered when it is durable and visible, or has failed.
    func submit(_ requests: [Request]) {
        let refusal: StoreError? = queue.notify { queue in
            if queue.isStopping { return StoreError(.closed, "the store is closed") }
            if queue.waiting.count + requests.count > Limits.waitingWrites {
                return StoreError(
                    .busy,
                    "\(queue.waiting.count) writes wait and \(requests.count) come; the limit is "
                        + "\(Limits.waitingWrites): let some finish first")
            }
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
        while true {
            let requests: [Request]? = queue.wait { queue -> [Request]?? in
                if queue.waiting.isEmpty { return queue.isStopping ? .some(nil) : nil }
                defer { queue.waiting.removeAll(keepingCapacity: true) }
                return queue.waiting
            }!
            guard let requests else { return }
            var rest = requests[...]
            while !rest.isEmpty { commitGroup(&rest) }
        }
    }

    /// Commits as many requests as make one group, and removes them from `rest`.
    private func commitGroup(_ rest: inout ArraySlice<Request>) {
        var group = CommitGroup(log: log)
        var answers: [(Request, Result<CommitGroup.Outcome, StoreError>)] = []
        answers.reserveCapacity(min(rest.count, Limits.groupRecords))
        while let request = rest.first, group.accepts(request) {
            rest.removeFirst()
            answers.append((request, group.add(request)))
        }
        var batch: ChangeBatch?
        var failure: StoreError?
        if !group.isEmpty {
            let finished = group.finish(milliseconds: Self.milliseconds())
            do {
                try log.append(finished)
                batch = finished
            } catch {
                failure = StoreError(wrapping: error)
            }
        }
        for (request, outcome) in answers { request.answer(outcome, failure) }
        if let batch { committed(batch) }
    }

    /// Wall-clock time in milliseconds since 1970.
    private static func milliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}

extension Committer.Request {
    /// Resumes the writer: with its own error, else with the group's, else with the outcome.
    fileprivate func answer(_ outcome: Result<CommitGroup.Outcome, StoreError>, _ failure: StoreError?) {
        switch (outcome, failure) {
        case (.failure(let error), _): refuse(error)
        case (_, let error?): refuse(error)
        case (.success(let outcome), nil):
            switch self {
            case .put(_, _, let continuation): continuation.resume(returning: outcome.revision)
            case .transaction(_, let continuation): continuation.resume(returning: outcome.result)
            case .part(_, let index, let series): series.finish(index, .success(outcome.result))
            }
        }
    }

    fileprivate func refuse(_ error: StoreError) {
        switch self {
        case .put(_, _, let continuation): continuation.resume(throwing: error)
        case .transaction(_, let continuation): continuation.resume(throwing: error)
        case .part(_, let index, let series): series.finish(index, .failure(error))
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
