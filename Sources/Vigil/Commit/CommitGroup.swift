import Changes
import RevisionLog

/// The records of one group while it is being gathered. Each request sees what those before it in the group did.
struct CommitGroup {
    /// What one request did, if the group is written.
    struct Outcome {
        var revision: Revision
        var succeeded = true
        var changed = true
        var outputs: [TransactionResult.Output] = []

        var result: TransactionResult {
            TransactionResult(succeeded: succeeded, revision: revision, changed: changed, outputs: outputs)
        }
    }

    private let log: RevisionLog
    private var encoder: RecordEncoder
    /// The newest version of each key that the group changes.
    private var changed: [Bytes: KeyVersion] = [:]

    init(log: RevisionLog) {
        self.log = log
        encoder = RecordEncoder(firstRevision: log.reader.snapshot.head + 1)
    }

    var isEmpty: Bool { encoder.recordCount == 0 }

    /// Whether `request` may join: there is room, and what it reads by range is not changed by the group itself.
    func accepts(_ request: Committer.Request) -> Bool {
        if isEmpty { return true }
        if encoder.storage.count >= Limits.groupBytes || encoder.recordCount >= Limits.groupRecords { return false }
        switch request {
        case .put: return true
        case .transaction(let transaction, _), .part(let transaction, _, _): return !transaction.readsRanges
        }
    }

    /// Carries `request` out.
    mutating func add(_ request: Committer.Request) -> Result<Outcome, StoreError> {
        do throws(StoreError) {
            switch request {
            case .put(let key, let value, _): return .success(try put(key, value))
            case .transaction(let transaction, _), .part(let transaction, _, _): return .success(try run(transaction))
            }
        } catch {
            return .failure(error)
        }
    }

    /// The group as a batch; it must not be empty.
    consuming func finish(milliseconds: Int64) -> ChangeBatch {
        encoder.finish(milliseconds: milliseconds)
    }

    private mutating func put(_ key: Bytes, _ value: Bytes) throws(StoreError) -> Outcome {
        try RequestLimits(log.options).check(key: key, value: value)
        let revision = encoder.nextRevision
        let version = KeyVersion(putting: value, at: revision, after: try latest(key, numbersOnly: true))
        write([(key, version)])
        return Outcome(revision: revision)
    }

    private mutating func run(_ transaction: Transaction) throws(StoreError) -> Outcome {
        try RequestLimits(log.options).check(transaction)
        var execution = TransactionExecution(
            revision: encoder.nextRevision, limits: RequestLimits(log.options), reader: log.reader, before: changed)
        let succeeded = try execution.holds(transaction.comparisons)
        for operation in succeeded ? transaction.success : transaction.failure {
            try execution.run(operation)
        }
        let isChange = !execution.changes.isEmpty
        let revision = isChange ? encoder.nextRevision : encoder.nextRevision - 1
        if isChange { write(execution.changes) }
        return Outcome(revision: revision, succeeded: succeeded, changed: isChange, outputs: execution.outputs)
    }

    private mutating func write(_ changes: [(key: Bytes, version: KeyVersion)]) {
        encoder.beginRecord(changes: changes.count)
        for (key, version) in changes {
            encoder.append(
                type: version.type, key: key, value: version.value, createRevision: version.createRevision,
                version: version.version, lease: version.lease, previousRevision: version.previousRevision)
            changed[key] = version
        }
    }

    private func latest(_ key: Bytes, numbersOnly: Bool) throws(StoreError) -> KeyVersion? {
        if let version = changed[key] { return version }
        return try log.reader.latest(key, numbersOnly: numbersOnly)
    }
}

extension Transaction {
    /// Whether any step reads more than single keys.
    fileprivate var readsRanges: Bool {
        (success + failure).contains {
            switch $0 {
            case .range, .deleteRange: true
            case .put, .delete, .get: false
            }
        }
    }
}
