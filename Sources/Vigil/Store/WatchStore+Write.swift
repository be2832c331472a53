public import Changes
public import RevisionLog

extension WatchStore {
    /// Puts `value` under `key`, which has 1 to 511 bytes, and returns the revision that this made. Key and value together
    /// are at most ``LogOptions/transactionBytes``.
    ///
    /// - Throws: `.invalidKey`, `.tooLarge`; `.full` if there is no room, after which a later write may succeed. Then the
    ///   write was not made. `.readOnly` if the disk failed: nobody sees the write now, but it may be found when the store
    ///   is opened again.
    @discardableResult
    public func put(_ key: Bytes, _ value: Bytes) async throws -> Revision {
        let (_, committer) = try requireCommitter()
        return try await withUnsafeThrowingContinuation { committer.submit(.put(key, value, $0)) }
    }

    /// Deletes `key`, if it exists.
    @discardableResult
    public func delete(_ key: Bytes) async throws -> DeleteResult {
        DeleteResult(try await transaction(Transaction(then: [.delete(key)])))
    }

    /// Deletes all of `keys`, as one revision; at most ``LogOptions/transactionChanges`` of them.
    @discardableResult
    public func deleteRange(_ keys: KeyRange) async throws -> DeleteResult {
        DeleteResult(try await transaction(Transaction(then: [.deleteRange(keys)])))
    }

    /// Carries out `transaction`: all of the branch that its comparisons choose, as one revision, or nothing.
    ///
    /// - Throws: as ``put(_:_:)``; `.duplicateKey` if a key would be changed twice.
    @discardableResult
    public func transaction(_ transaction: Transaction) async throws -> TransactionResult {
        let (_, committer) = try requireCommitter()
        return try await withUnsafeThrowingContinuation { committer.submit(.transaction(transaction, $0)) }
    }

    /// Carries out `transactions` in this order, each a revision of its own, without waiting for the flush of one before
    /// the next is made: as if many writers had submitted them at once. Says of each how it went; one that fails does
    /// not keep the others from being made.
    public func transactions(
        _ transactions: [Transaction]
    ) async throws -> [Result<TransactionResult, StoreError>] {
        let (_, committer) = try requireCommitter()
        guard !transactions.isEmpty else { return [] }
        return await withUnsafeContinuation { continuation in
            let series = CommitSeries(count: transactions.count, continuation)
            committer.submit(transactions.enumerated().map { .part($0.element, index: $0.offset, of: series) })
        }
    }

    /// Forgets the history before `revision`, which stays readable itself, and gives the space back. Returns when that is
    /// done; reads, writes and watches go on meanwhile. A watch that still had to read what is gone fails with
    /// `.compacted`.
    ///
    /// A cursor that holds what is before `revision` (``CursorHold``) forbids it, unless `overridesCursors`; then its
    /// next watch fails with `.compacted`, or with `.cursorFailed` if it chooses so.
    ///
    /// - Throws: `.compacted` if that was done before, `.futureRevision` if `revision` is newer than ``head``, `.held` with
    ///   the name of a cursor that forbids it.
    public func compact(through revision: Revision, overridesCursors: Bool = false) async throws {
        let (log, _) = try requireCommitter()
        try await withCheckedThrowingContinuation { continuation in
            log.compact(through: revision, overridesCursors: overridesCursors) { continuation.resume(with: $0) }
        }
    }
}

extension DeleteResult {
    fileprivate init(_ result: TransactionResult) {
        var deleted = 0
        for case .delete(let previous) in result.outputs { deleted += previous.count }
        self.init(revision: result.changed ? result.revision : nil, deleted: deleted)
    }
}
