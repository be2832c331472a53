import Changes
import RevisionLog

/// Checks a write against the store's limits before it takes effect.
struct RequestLimits {
    private let options: LogOptions

    init(_ options: LogOptions) {
        self.options = options
    }

    func check(key: Bytes, value: Bytes) throws(StoreError) {
        try check(key: key)
        try check(changes: 1, put: key.count + value.count)
    }

    func check(key: Bytes) throws(StoreError) {
        let allowed = LogOptions.keyBytes
        guard allowed.contains(key.count) else {
            throw StoreError(
                .invalidKey,
                key.isEmpty
                    ? "the key is empty; a key has \(allowed.lowerBound) to \(allowed.upperBound) bytes"
                    : "the key has \(key.count) bytes; the limit is \(allowed.upperBound): shorten it")
        }
    }

    /// Checks the size of a transaction so far: its changes, the bytes of keys and values that it puts, and those of the
    /// keys that it deletes.
    func check(changes: Int, put: Int, deleted: Int = 0) throws(StoreError) {
        if changes > options.transactionChanges {
            throw StoreError(
                .tooLarge,
                "the transaction has more than \(options.transactionChanges) changes, the limit; split it, or open the store "
                    + "with a larger `transactionChanges`")
        }
        if put > options.transactionBytes {
            throw StoreError(
                .tooLarge,
                "the transaction puts \(put) bytes of keys and values; the limit is \(options.transactionBytes): "
                    + "split it, or open the store with a larger `transactionBytes`")
        }
        if deleted > options.deletedBytes {
            throw StoreError(
                .tooLarge,
                "the transaction deletes keys of \(deleted) bytes; the limit is \(options.deletedBytes): "
                    + "split it, or open the store with a larger `deletedBytes`")
        }
    }

    /// As many of `keys` as one transaction may delete.
    func deletable(_ keys: [Bytes]) -> ArraySlice<Bytes> {
        var deleted = 0
        return keys.prefix(options.transactionChanges).prefix { key in
            deleted += key.count
            return deleted <= options.deletedBytes
        }
    }

    func check(_ transaction: Transaction, depth: Int = 0) throws(StoreError) {
        if depth > Limits.transactionDepth {
            throw StoreError(
                .tooLarge, "transactions are nested more than \(Limits.transactionDepth) deep, the limit: flatten them")
        }
        let steps = max(transaction.comparisons.count, transaction.success.count, transaction.failure.count)
        if steps > Limits.transactionSteps {
            throw StoreError(
                .tooLarge, "the transaction has \(steps) steps; the limit is \(Limits.transactionSteps): split it")
        }
        for comparison in transaction.comparisons {
            if case .key(let key) = comparison.keys { try check(key: key) }
        }
        for operation in transaction.success + transaction.failure {
            switch operation {
            case .put(let key, _, _), .rewrite(let key, _), .delete(let key), .get(let key): try check(key: key)
            case .transaction(let nested): try check(nested, depth: depth + 1)
            case .range(_, let limit?, _) where limit < 0:
                throw StoreError(.invalidArgument, "the limit is \(limit); it must not be negative")
            case .deleteRange, .range: break
            }
        }
    }
}
