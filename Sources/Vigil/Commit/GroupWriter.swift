import Changes
import RevisionLog

/// Makes groups of requests, writes them and answers.
///
/// Sound as `@unchecked Sendable`: only the leader calls it, and leaders follow one another under the committer's lock.
final class GroupWriter: @unchecked Sendable {
    private let log: RevisionLog
    private let clock: @Sendable () -> Int64
    private let committed: @Sendable (ChangeBatch) -> Void
    private let versions: VersionCache
    private var outcomes: [CommitGroup.Outcome] = []
    private var hashes: [UInt32] = []

    init(
        log: RevisionLog, clock: @escaping @Sendable () -> Int64, committed: @escaping @Sendable (ChangeBatch) -> Void
    ) {
        self.log = log
        self.clock = clock
        self.committed = committed
        versions = VersionCache(log: log)
    }

    /// Whether a group of few requests would be written without waiting for a checkpoint.
    var hasRoom: Bool { log.appendsAtOnce(load: Limits.ledBytes, stored: Limits.ledBytes) }

    /// Commits `requests`, in as few groups as they make. The first of them may be that of the caller's thread, which
    /// prepares its answer.
    func write(_ requests: [Committer.Request], firstOf leading: Leading<CommitGroup.Outcome>?) {
        var done = writeGroup(requests, from: 0, firstOf: leading)
        while done < requests.count { done = writeGroup(requests, from: done) }
    }

    /// Commits as many of `requests` as make one group, from `first` on; returns where the next group begins.
    private func writeGroup(
        _ requests: [Committer.Request], from first: Int, firstOf leading: Leading<CommitGroup.Outcome>? = nil
    ) -> Int {
        versions.forget()
        outcomes.removeAll(keepingCapacity: true)
        hashes.removeAll(keepingCapacity: true)
        var group = CommitGroup(log: log, versions: versions)
        var next = first
        // In place: to copy a request counts references to its key and value.
        requests.withUnsafeBufferPointer { requests in
            let coming = requests[first...].prefix(Limits.groupRecords)
            group.reserve(for: coming)
            for request in coming { if let hash = request.hash { hashes.append(hash) } }
            hashes.sort()
            versions.fetch(hashes)
            while next < requests.count, group.accepts(requests[next]) {
                outcomes.append(group.add(requests[next]))
                next += 1
            }
        }
        var failure: StoreError?
        let isLarge = group.isLarge
        if !group.isEmpty {
            do {
                try append(group.finish(milliseconds: clock()), firstOf: leading)
            } catch {
                failure = StoreError(wrapping: error)
            }
            if isLarge || failure != nil { versions.reload() }
        }
        Answers(requests: requests[first..<next], outcomes: outcomes, failure: failure).give()
        return next
    }

    /// Appends a group to the log. The answer to its first request is prepared meanwhile, and its fate known at the end.
    private func append(_ batch: ChangeBatch, firstOf leading: Leading<CommitGroup.Outcome>?) throws {
        guard let prepare = leading?.prepare else { return try log.append(batch, visible: committed) }
        var conclude: Conclusion?
        do {
            try log.append(batch, underway: { conclude = prepare(self.outcomes[0]) }, visible: committed)
        } catch {
            conclude?(false)
            throw error
        }
        conclude?(true)
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
        requests.withUnsafeBufferPointer { requests in
            for index in requests.indices { requests[index].answer(outcomes[index], failure) }
        }
    }
}
