import Changes
import RevisionLog

/// One transaction being carried out: its changes are gathered here, and written only if every step succeeded.
struct TransactionExecution {
    let revision: Revision
    let limits: RequestLimits

    private(set) var changes: [(key: Bytes, version: KeyVersion)] = []
    private(set) var outputs: [TransactionResult.Output] = []
    /// What was done to single keys.
    private var own: [Bytes: KeyVersion] = [:]
    /// Which branches of the transactions within this one run.
    private var choices: [Bool] = []
    private var nextChoice = 0
    /// By their lower bounds. Of what they had nothing is there any more, and nothing is put.
    private var deletedRanges: [KeyRange] = []
    /// Of keys and values.
    var bytes: Int { putBytes + deletedBytes }
    private var putBytes = 0
    private var deletedBytes = 0

    init(revision: Revision, limits: RequestLimits) {
        self.revision = revision
        self.limits = limits
    }

    /// Chooses the branches, of the transaction and of those within it, and runs them. Says whether it was the first.
    mutating func run(_ transaction: Transaction, in group: CommitGroup) throws(StoreError) -> Bool {
        let succeeded = try choose(transaction, group)
        let operations = succeeded ? transaction.success : transaction.failure
        try forEach(operations) { operation throws(StoreError) in
            switch operation {
            case .rewrite(let key, let lease), .put(let key, _, let lease):
                if lease == .kept || operation.isRewrite { try requireValue(of: key, group) }
                if case .lease(let id) = lease { try group.requireLease(id) }
            default: break
            }
        }
        try forEach(operations) { operation throws(StoreError) in
            if case .range(_, _, let revision?) = operation { try group.requireReadable(revision) }
        }
        outputs = try run(operations, group)
        return succeeded
    }

    /// Whether the comparisons hold. The answers for the transactions within the branch that will run are kept, in the
    /// order in which they will be met.
    private mutating func choose(_ transaction: Transaction, _ group: CommitGroup) throws(StoreError) -> Bool {
        let succeeded = try holds(transaction.comparisons, group)
        for case .transaction(let nested) in succeeded ? transaction.success : transaction.failure {
            let place = choices.count
            choices.append(false)
            choices[place] = try choose(nested, group)
        }
        return succeeded
    }

    /// Calls `body` with each step that will run.
    private func forEach(
        _ operations: [Transaction.Operation], _ body: (Transaction.Operation) throws(StoreError) -> Void
    ) throws(StoreError) {
        var choice = 0
        try forEach(operations, &choice, body)
    }

    private func forEach(
        _ operations: [Transaction.Operation], _ choice: inout Int,
        _ body: (Transaction.Operation) throws(StoreError) -> Void
    ) throws(StoreError) {
        for operation in operations {
            guard case .transaction(let nested) = operation else {
                try body(operation)
                continue
            }
            choice += 1
            try forEach(choices[choice - 1] ? nested.success : nested.failure, &choice, body)
        }
    }

    private func requireValue(of key: Bytes, _ group: CommitGroup) throws(StoreError) {
        guard try latest(key, group)?.keyValue(key) == nil else { return }
        throw .noValue(of: key)
    }

    private func holds(_ comparisons: [Transaction.Comparison], _ group: CommitGroup) throws(StoreError) -> Bool {
        for comparison in comparisons {
            if case .key(let key) = comparison.keys {
                if !comparison.holds(for: try latest(key, group)?.keyValue(key)) { return false }
                continue
            }
            let present = try range(comparison.keys, limit: nil, group)
            if present.isEmpty, !comparison.holds(for: nil) { return false }
            for keyValue in present where !comparison.holds(for: keyValue) { return false }
        }
        return true
    }

    private mutating func run(
        _ operations: [Transaction.Operation], _ group: CommitGroup
    ) throws(StoreError) -> [TransactionResult.Output] {
        var outputs: [TransactionResult.Output] = []
        outputs.reserveCapacity(operations.count)
        for operation in operations { outputs.append(try run(operation, group)) }
        return outputs
    }

    private mutating func run(
        _ operation: Transaction.Operation, _ group: CommitGroup
    ) throws(StoreError) -> TransactionResult.Output {
        switch operation {
        case .put(let key, let value, let lease): return .put(previous: try put(key, value, lease, group))
        case .rewrite(let key, let lease): return .put(previous: try put(key, nil, lease, group))
        case .delete(let key): return try delete(key, returnsPrevious: true, group)
        case .deleteRange(let keys, let returnsPrevious):
            return try delete(keys, returnsPrevious: returnsPrevious, group)
        case .get(let key): return .range(try range(.key(key), limit: nil, group))
        case .range(let keys, let limit, nil): return .range(try range(keys, limit: limit, group))
        case .range(let keys, let limit, let revision?):
            let all: RangePages.Part = (keys.lowerBound, keys.upperBound)
            return .range(try read(RangePages([all], at: revision), limit: limit ?? .max, group))
        case .transaction(let nested):
            let succeeded = choices[nextChoice]
            nextChoice += 1
            return .transaction(
                succeeded: succeeded, outputs: try run(succeeded ? nested.success : nested.failure, group))
        }
    }

    /// Puts `value`, or what the key holds, and returns what it held.
    private mutating func put(
        _ key: Bytes, _ value: Bytes?, _ lease: LeaseAttachment, _ group: CommitGroup
    ) throws(StoreError) -> KeyValue? {
        if own[key] != nil || deletedRanges.contains(where: { $0.contains(key) }) {
            throw StoreError(
                .duplicateKey, "key \(key) is changed twice in one transaction; leave one of the changes out")
        }
        let current = try latest(key, group)
        let previous = current?.keyValue(key)
        guard let value = value ?? previous?.value else { throw .noValue(of: key) }
        var version = KeyVersion(putting: value, at: revision, after: current?.numbers)
        switch lease {
        case .none: break
        case .lease(let id): version.lease = id
        // It is there: that was asked before.
        case .kept: version.lease = previous?.lease ?? 0
        }
        try change(key, version)
        own[key] = version
        return previous
    }

    private mutating func delete(
        _ key: Bytes, returnsPrevious: Bool, _ group: CommitGroup
    ) throws(StoreError) -> TransactionResult.Output {
        try requireNotPut(.key(key))
        let previous = try latest(key, group)?.keyValue(key)
        let version = KeyVersion(deletingAt: revision, after: previous?.modRevision ?? 0)
        if previous != nil { try change(key, version) }
        own[key] = version
        let present = previous.map { [$0] } ?? []
        return .delete(count: present.count, previous: returnsPrevious ? present : [])
    }

    private mutating func delete(
        _ keys: KeyRange, returnsPrevious: Bool, _ group: CommitGroup
    ) throws(StoreError) -> TransactionResult.Output {
        if case .key(let key) = keys { return try delete(key, returnsPrevious: returnsPrevious, group) }
        try requireNotPut(keys)
        var (count, previous) = (0, [KeyValue]())
        var pages = RangePages(remaining(keys), contents: returnsPrevious ? .values : .keys)
        while let page = try pages.next(group) {
            for keyValue in page where own.isEmpty || own[keyValue.key] == nil {
                try change(keyValue.key, KeyVersion(deletingAt: revision, after: keyValue.modRevision))
                count += 1
                if returnsPrevious { previous.append(keyValue) }
            }
        }
        let place = deletedRanges.firstIndex { $0.lowerBound > keys.lowerBound } ?? deletedRanges.count
        deletedRanges.insert(keys, at: place)
        return .delete(count: count, previous: previous)
    }

    private func requireNotPut(_ keys: KeyRange) throws(StoreError) {
        let put: Bytes? =
            if case .key(let key) = keys {
                own[key]?.type == .put ? key : nil
            } else {
                own.first { $0.value.type == .put && keys.contains($0.key) }?.key
            }
        if let put {
            throw StoreError(
                .duplicateKey, "key \(put) is put and deleted in one transaction; leave one of the changes out")
        }
    }

    private mutating func change(_ key: Bytes, _ version: KeyVersion) throws(StoreError) {
        switch version.type {
        case .put: putBytes += key.count + version.value.count
        case .delete: deletedBytes += key.count
        }
        try limits.check(changes: changes.count + 1, put: putBytes, deleted: deletedBytes)
        changes.append((key, version))
    }

    /// What `keys` hold, the steps before included, in key order.
    private func range(_ keys: KeyRange, limit: Int?, _ group: CommitGroup) throws(StoreError) -> [KeyValue] {
        if case .key(let key) = keys, limit ?? 1 > 0 {
            return try latest(key, group)?.keyValue(key).map { [$0] } ?? []
        }
        let mine = own.filter { keys.contains($0.key) }
        let wanted = limit.map { $0 < .max - mine.count ? $0 + mine.count : .max } ?? .max
        var found = try read(RangePages(remaining(keys)), limit: wanted, group)
        if !mine.isEmpty {
            found.removeAll { mine[$0.key] != nil }
            found += mine.compactMap { $0.value.keyValue($0.key) }
            found.sort { $0.key < $1.key }
        }
        return limit.map { Array(found.prefix($0)) } ?? found
    }

    private func read(_ pages: RangePages, limit: Int, _ group: CommitGroup) throws(StoreError) -> [KeyValue] {
        var pages = pages
        var found: [KeyValue] = []
        while found.count < limit, let page = try pages.next(group, limit: limit - found.count) { found += page }
        return found
    }

    /// The parts of `keys` whose keys no step has deleted.
    private func remaining(_ keys: KeyRange) -> [RangePages.Part] {
        var parts: [RangePages.Part] = []
        var lower = keys.lowerBound
        for deleted in deletedRanges {
            if let upper = keys.upperBound, deleted.lowerBound >= upper { break }
            if lower < deleted.lowerBound { parts.append((lower, deleted.lowerBound)) }
            guard let next = deleted.upperBound else { return parts }
            lower = max(lower, deleted.lowerBound, next)
        }
        if keys.upperBound.map({ lower < $0 }) ?? true { parts.append((lower, keys.upperBound)) }
        return parts
    }

    private func latest(_ key: Bytes, _ group: CommitGroup) throws(StoreError) -> KeyVersion? {
        if let version = own[key] { return version }
        return deletedRanges.contains { $0.contains(key) } ? nil : try group.latest(key)
    }
}

/// Reads ranges of what a store holds, one after the other, page by page.
private struct RangePages {
    typealias Part = (lower: Bytes, upper: Bytes?)

    /// What is still to be read.
    private var parts: ArraySlice<Part>
    private let revision: Revision?
    private let contents: RangeContents

    /// Of what is there at `revision`, or before the transaction.
    init(_ parts: [Part], at revision: Revision? = nil, contents: RangeContents = .values) {
        self.parts = parts[...]
        self.revision = revision
        self.contents = contents
    }

    /// The next page, which may be empty; nil at the end.
    mutating func next(_ group: CommitGroup, limit: Int = .max) throws(StoreError) -> [KeyValue]? {
        guard let part = parts.first else { return nil }
        let page = try group.page(
            from: part.lower, to: part.upper, limit: limit, at: revision, contents: contents)
        if let next = page.next {
            parts[parts.startIndex].lower = next
        } else {
            parts.removeFirst()
        }
        return page.keyValues
    }
}

extension Transaction.Operation {
    fileprivate var isRewrite: Bool { if case .rewrite = self { true } else { false } }
}

extension StoreError {
    fileprivate static func noValue(of key: Bytes) -> StoreError {
        StoreError(.keyNotFound, "key \(key) does not exist and so has no value or lease to keep; put one")
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
        case .lease(let lease): relates(current?.lease ?? 0, lease)
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
