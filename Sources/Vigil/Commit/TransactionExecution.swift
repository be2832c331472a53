import Changes
import RevisionLog

/// One transaction being carried out: its changes are gathered here, and written only if every step succeeded.
struct TransactionExecution {
    let revision: Revision
    let limits: RequestLimits

    private(set) var changes: [(key: Bytes, version: KeyVersion)] = []
    private(set) var outputs: [TransactionResult.Output] = []
    private var own: [Bytes: KeyVersion] = [:]
    private var deletedRanges: [KeyRange] = []
    private var bytes = 0

    init(revision: Revision, limits: RequestLimits) {
        self.revision = revision
        self.limits = limits
    }

    /// Whether all comparisons hold.
    func holds(_ comparisons: [Transaction.Comparison], in group: CommitGroup) throws(StoreError) -> Bool {
        for comparison in comparisons {
            let current = try latest(comparison.key, group).flatMap { $0.keyValue(comparison.key) }
            if !comparison.holds(for: current) { return false }
        }
        return true
    }

    /// Carries out the next step.
    mutating func run(_ operation: Transaction.Operation, in group: CommitGroup) throws(StoreError) {
        switch operation {
        case .put(let key, let value): try put(key, value, group)
        case .delete(let key): try delete(.key(key), group)
        case .deleteRange(let keys): try delete(keys, group)
        case .get(let key): outputs.append(.range(try range(.key(key), limit: nil, group)))
        case .range(let keys, let limit): outputs.append(.range(try range(keys, limit: limit, group)))
        }
    }

    private mutating func put(_ key: Bytes, _ value: Bytes, _ group: CommitGroup) throws(StoreError) {
        if own[key] != nil || deletedRanges.contains(where: { $0.contains(key) }) {
            throw StoreError(
                .duplicateKey, "key \(key) is changed twice in one transaction; leave one of the changes out")
        }
        let current = try latest(key, group)
        try change(key, KeyVersion(putting: value, at: revision, after: current?.numbers))
        outputs.append(.put(previous: current?.keyValue(key)))
    }

    private mutating func delete(_ keys: KeyRange, _ group: CommitGroup) throws(StoreError) {
        if let key = own.first(where: { $0.value.type == .put && keys.contains($0.key) })?.key {
            throw StoreError(
                .duplicateKey, "key \(key) is put and deleted in one transaction; leave one of the changes out")
        }
        let present = try range(keys, limit: nil, group)
        deletedRanges.append(keys)
        for keyValue in present {
            try change(keyValue.key, KeyVersion(deletingAt: revision, after: keyValue.modRevision))
        }
        outputs.append(.delete(previous: present))
    }

    private mutating func change(_ key: Bytes, _ version: KeyVersion) throws(StoreError) {
        bytes += key.count + version.value.count
        try limits.check(changes: changes.count + 1, bytes: bytes)
        changes.append((key, version))
        own[key] = version
    }

    /// What `keys` hold, the steps before included, in key order.
    private func range(_ keys: KeyRange, limit: Int?, _ group: CommitGroup) throws(StoreError) -> [KeyValue] {
        if case .key(let key) = keys, limit ?? 1 > 0 {
            return try latest(key, group)?.keyValue(key).map { [$0] } ?? []
        }
        let mine = own.filter { keys.contains($0.key) }
        var found: [KeyValue] = []
        let wanted = limit.map { $0 < .max - mine.count ? $0 + mine.count : .max } ?? .max
        var lower = keys.lowerBound
        while found.count < wanted {
            let page = try group.page(from: lower, to: keys.upperBound, limit: wanted - found.count)
            found += page.keyValues.filter { mine[$0.key] == nil }
            guard let next = page.next else { break }
            lower = next
        }
        if !mine.isEmpty {
            found += mine.compactMap { $0.value.keyValue($0.key) }
            found.sort { $0.key < $1.key }
        }
        return limit.map { Array(found.prefix($0)) } ?? found
    }

    private func latest(_ key: Bytes, _ group: CommitGroup) throws(StoreError) -> KeyVersion? {
        if let version = own[key] { return version }
        return try group.latest(key)
    }
}

extension Transaction.Comparison {
    /// Whether it holds for what the key has now; nil if the key does not exist.
    fileprivate func holds(for current: KeyValue?) -> Bool {
        switch target {
        case .value(let value): current.map { relates($0.value, value) } ?? false
        case .version(let version): relates(current?.version ?? 0, version)
        case .createRevision(let revision): relates(current?.createRevision ?? 0, revision)
        case .modRevision(let revision): relates(current?.modRevision ?? 0, revision)
        }
    }

    private func relates<T: Comparable>(_ current: T, _ wanted: T) -> Bool {
        switch relation {
        case .equal: current == wanted
        case .notEqual: current != wanted
        case .less: current < wanted
        case .greater: current > wanted
        }
    }
}
