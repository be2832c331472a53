import Changes
import RevisionLog

/// The records of one group while it is being gathered. Each request sees what those before it in the group did.
struct CommitGroup {
    /// What one request did, if the group is written.
    enum Outcome: Sendable {
        case put(Revision)
        case transaction(TransactionResult)
        case ending(Ending)
        case refused(StoreError)
    }

    /// What was done to end a lease: the revision that deleted its keys, the newest before if there were none, and whether
    /// these were all.
    struct Ending: Sendable {
        var revision: Revision
        var isComplete: Bool
    }

    private let log: RevisionLog
    private let versions: VersionCache
    private var encoder: RecordEncoder
    /// Whether a request changed so many keys that it stays the last one, and they are not noted among the newest versions.
    private(set) var isLarge = false

    init(log: RevisionLog, versions: VersionCache) {
        self.log = log
        self.versions = versions
        encoder = RecordEncoder(firstRevision: log.reader.head + 1)
    }

    var isEmpty: Bool { encoder.recordCount == 0 }

    /// Sees to room for what `requests` put, as far as a group may grow.
    mutating func reserve(for requests: Slice<UnsafeBufferPointer<Committer.Request>>) {
        let bytes = requests.reduce(0) { $0 + $1.putBytes + Limits.recordBytes }
        encoder.reserve(min(bytes, Limits.groupBytes), changes: requests.count)
    }

    /// Whether `request` may join: there is room, and what it reads by range is not changed by the group itself.
    func accepts(_ request: Committer.Request) -> Bool {
        if isEmpty { return true }
        if isLarge { return false }
        if encoder.storage.count >= Limits.groupBytes || encoder.recordCount >= Limits.groupRecords { return false }
        switch request {
        case .put: return true
        // Which keys the lease has is read from what is visible.
        case .ending: return false
        case .transaction(let transaction, _), .part(let transaction, _, _): return !transaction.readsRanges
        }
    }

    /// Carries `request` out.
    mutating func add(_ request: Committer.Request) -> Outcome {
        do throws(StoreError) {
            switch request {
            case .put(let key, let value, _): return .put(try put(key, value))
            case .transaction(let transaction, _), .part(let transaction, _, _):
                return .transaction(try run(transaction))
            case .ending(let lease, _): return .ending(try end(lease))
            }
        } catch {
            return .refused(error)
        }
    }

    /// The group as a batch; it must not be empty.
    consuming func finish(milliseconds: Int64) -> ChangeBatch {
        encoder.finish(milliseconds: milliseconds)
    }

    /// The newest version of `key`, with its value.
    func latest(_ key: Bytes) throws(StoreError) -> KeyVersion? {
        if let noted = versions.noted(WrittenKey(key)) {
            if noted.modRevision >= encoder.firstRevision { return encoder.version(of: key, at: noted.modRevision) }
        } else if versions.isComplete {
            return nil
        }
        return try log.reader.latest(key)
    }

    /// What some keys hold at `revision`, or now; not for keys that the group changes.
    func page(
        from lower: Bytes, to upper: Bytes?, limit: Int, at revision: Revision?, contents: RangeContents
    ) throws(StoreError) -> RangePage {
        try log.reader.committedPage(from: lower, to: upper, at: revision, limit: limit, contents: contents)
    }

    /// Checks that `revision` can be read.
    func requireReadable(_ revision: Revision) throws(StoreError) {
        let (head, earliest) = (encoder.nextRevision - 1, log.reader.snapshot.earliest)
        if revision > head { throw .future(requested: revision, head: head) }
        if revision < log.reader.snapshot.compacted { throw .compacted(requested: revision, earliest: earliest) }
    }

    private mutating func put(_ key: WrittenKey, _ value: Bytes) throws(StoreError) -> Revision {
        try RequestLimits(log.options).check(key: key.key, value: value)
        let revision = encoder.nextRevision
        let version = KeyVersion(putting: value, at: revision, after: try versions.latest(key))
        encoder.beginRecord(changes: 1)
        write(key, version)
        return revision
    }

    private mutating func run(_ transaction: Transaction) throws(StoreError) -> TransactionResult {
        let limits = RequestLimits(log.options)
        try limits.check(transaction)
        var execution = TransactionExecution(revision: encoder.nextRevision, limits: limits)
        let succeeded = try execution.run(transaction, in: self)
        let isChange = !execution.changes.isEmpty
        let revision = isChange ? encoder.nextRevision : encoder.nextRevision - 1
        if isChange {
            begin(changes: execution.changes.count, bytes: execution.bytes)
            for (key, version) in execution.changes { write(key, version) }
        }
        return TransactionResult(
            succeeded: succeeded, revision: revision, changed: isChange, outputs: execution.outputs)
    }

    /// Throws unless keys can be attached to the lease `id`.
    func requireLease(_ id: Int64) throws(StoreError) {
        try log.leases.requireLive(id)
    }

    /// Deletes the keys of `lease`, as many as one record may.
    private mutating func end(_ lease: Int64) throws(StoreError) -> Ending {
        let all: [Bytes]
        do {
            all = try log.reader.keys(of: lease, log.leases)
        } catch {
            throw StoreError(wrapping: error)
        }
        guard !all.isEmpty else { return Ending(revision: encoder.nextRevision - 1, isComplete: true) }
        let keys = RequestLimits(log.options).deletable(all)
        let revision = encoder.nextRevision
        begin(changes: keys.count, bytes: keys.reduce(0) { $0 + $1.count })
        for key in keys {
            guard let current = try versions.latest(WrittenKey(key)) else { continue }
            write(key, KeyVersion(deletingAt: revision, after: current.modRevision))
        }
        return Ending(revision: revision, isComplete: keys.count == all.count)
    }

    /// Begins a record of a transaction, which has so many changes with so many bytes of keys and values.
    private mutating func begin(changes: Int, bytes: Int) {
        isLarge = changes > Limits.notedChanges
        if isLarge { encoder.reserve(encoder.storage.count + bytes + changes * Limits.recordBytes, changes: changes) }
        encoder.beginRecord(changes: changes)
    }

    private mutating func write(_ key: Bytes, _ version: KeyVersion) {
        if isLarge { encode(key, version) } else { write(WrittenKey(key), version) }
    }

    private mutating func write(_ key: WrittenKey, _ version: KeyVersion) {
        encode(key.key, version)
        versions.note(key, version.numbers)
    }

    private mutating func encode(_ key: Bytes, _ version: KeyVersion) {
        encoder.append(
            type: version.type, key: key, value: version.value, createRevision: version.createRevision,
            version: version.version, lease: version.lease, previousRevision: version.previousRevision)
        if version.lease != 0 {
            log.leases.attach(
                key, to: version.lease, at: version.modRevision, checkpoint: log.reader.snapshot.checkpoint)
        }
    }
}

extension Transaction {
    /// Whether any step or comparison reads more than single keys.
    fileprivate var readsRanges: Bool {
        comparisons.contains { $0.keys.isRange }
            || (success + failure).contains {
                switch $0 {
                case .range(let keys, _, let revision): keys.isRange || revision != nil
                case .deleteRange(let keys, _): keys.isRange
                case .put, .rewrite, .delete, .get: false
                case .transaction(let nested): nested.readsRanges
                }
            }
    }
}

extension KeyRange {
    fileprivate var isRange: Bool { if case .key = self { false } else { true } }
}
