public import Changes
public import RevisionLog
import Threads

extension WatchStore {
    /// Puts `value` under `key`, which has 1 to 4096 bytes, and returns the revision that this made. Key and value together
    /// are at most ``LogOptions/transactionBytes``.
    ///
    /// - Throws: `.invalidKey`, `.tooLarge`; `.full` if there is no room, after which a later write may succeed. Then the
    ///   write was not made. `.readOnly` if the disk failed: nobody sees the write now, but it may be found when the store
    ///   is opened again.
    @discardableResult
    public func put(_ key: Bytes, _ value: Bytes) async throws -> Revision {
        try await put(key, value, leading: nil)
    }

    /// The same; the caller's thread may come to make the commit.
    package func put(_ key: Bytes, _ value: Bytes, leading: Leading<Revision>?) async throws -> Revision {
        let (_, committer) = try requireCommitter()
        let key = WrittenKey(key)
        let lead = leading?.map { outcome in if case .put(let revision) = outcome { revision } else { nil } }
        return try await withUnsafeThrowingContinuation {
            committer.submit(.put(key, value, $0), leading: lead)
        }
    }

    /// Deletes `key`, if it exists.
    @discardableResult
    public func delete(_ key: Bytes) async throws -> DeleteResult {
        DeleteResult(try await transaction(Transaction(then: [.delete(key)])))
    }

    /// Deletes all of `keys`, as one revision; at most ``LogOptions/transactionChanges`` of them, whose names have
    /// ``LogOptions/deletedBytes`` at most.
    @discardableResult
    public func deleteRange(_ keys: KeyRange) async throws -> DeleteResult {
        DeleteResult(try await transaction(Transaction(then: [.deleteRange(keys, returnsPrevious: false)])))
    }

    /// Carries out `transaction`: all of the branch that its comparisons choose, as one revision, or nothing.
    ///
    /// - Throws: as ``put(_:_:)``; `.duplicateKey` if a key would be changed twice.
    @discardableResult
    public func transaction(_ transaction: Transaction) async throws -> TransactionResult {
        try await self.transaction(transaction, leading: nil)
    }

    /// The same; the caller's thread may come to make the commit.
    package func transaction(
        _ transaction: Transaction, leading: Leading<TransactionResult>?
    ) async throws -> TransactionResult {
        let (_, committer) = try requireCommitter()
        let lead = leading?.map { outcome in if case .transaction(let result) = outcome { result } else { nil } }
        return try await withUnsafeThrowingContinuation {
            committer.submit(.transaction(transaction, $0), leading: lead)
        }
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

    /// Makes the log as compact as it gets: merges its small blocks, also the last ones. That happens in the background
    /// too, whenever enough of them have gathered for a full block; this does not wait for more. Reads, writes and watches
    /// go on meanwhile. `progress` is called now and then with (revisions done, revisions in all).
    public func seal(progress: (@Sendable (Int64, Int64) -> Void)? = nil) async throws {
        let (log, _) = try requireCommitter()
        try await withCheckedThrowingContinuation { continuation in
            _ = OSThread { log.seal(progress: progress) { continuation.resume(with: $0) } }
        }
    }

    /// Gives the space that LMDB's file does not use any more back to the file system. The file never becomes shorter by
    /// itself: what was compacted or replaced leaves room for what comes, and ``StoreStatistics/freeBytes`` says how much.
    ///
    /// Writes a copy of the file without that, so it needs as much room as the store has content. No other process may
    /// have the store open. Reads and watches go on, except for the moment of the swap; so do writes, until as much has
    /// gathered as ``LogOptions/pendingBytes`` says: nothing is checkpointed before the copy is done. After a crash at any
    /// moment the store is whole, shrunk or not.
    ///
    /// - Returns: the size of the file before and after, in bytes.
    /// - Throws: `.locked` if another process has the store open, naming it; `.full` if there is no room for the copy.
    @discardableResult
    public func shrink() async throws -> (before: Int, after: Int) {
        let (log, _) = try requireCommitter()
        return try await withCheckedThrowingContinuation { continuation in
            log.shrink { continuation.resume(with: $0) }
        }
    }
}

extension DeleteResult {
    /// Of the deletes among the steps.
    package init(_ result: TransactionResult) {
        var deleted = 0
        for case .delete(let count, _) in result.outputs { deleted += count }
        self.init(revision: result.changed ? result.revision : nil, deleted: deleted)
    }
}
