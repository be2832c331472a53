import Changes
import LMDB

/// A batch, and whether it had to be read and decoded or was there.
struct Fetched {
    var batch: ChangeBatch
    var isDecoded: Bool
}

extension LogReader {
    /// The block that `entry` of the log holds, decoded.
    func block(_ entry: ReadCursor.Entry) throws -> ChangeBatch { try fetch(entry).batch }

    /// The batch that holds `revision`, from the overlay or the log; nil if the log has dropped it.
    func batch(
        of revision: Revision, _ snapshot: LogSnapshot, _ transaction: borrowing ReadTransaction
    ) throws -> ChangeBatch? {
        try fetch(revision, snapshot, transaction)?.batch
    }

    /// The same, with what it cost.
    func fetch(
        _ revision: Revision, _ snapshot: LogSnapshot, _ transaction: borrowing ReadTransaction
    ) throws -> Fetched? {
        if let recent = snapshot.recent.batch(of: revision) { return Fetched(batch: recent, isDecoded: false) }
        guard let entry = try logEntry(revision, transaction) else { return nil }
        let fetched = try fetch(entry)
        return fetched.batch.lastRevision >= revision ? fetched : nil
    }

    private func fetch(_ entry: ReadCursor.Entry) throws -> Fetched {
        let first = try Block.firstRevision(entry.key)
        do throws(Malformed) {
            let count = try Block.header(entry.value).recordCount
            let (block, isDecoded) = try cache.block(first, recordCount: count) { () throws(Malformed) in
                try Block.decode(entry.value, firstRevision: first)
            }
            return Fetched(batch: block, isDecoded: isDecoded)
        } catch {
            throw StoreError.damagedBlock(first, error.reason)
        }
    }

    /// The entry of the log that holds `revision`, if any does.
    func logEntry(
        _ revision: Revision, _ transaction: borrowing ReadTransaction
    ) throws -> ReadCursor.Entry? {
        var cursor = try transaction.cursor(databases.log)
        return try withUnsafeBytes(of: revision.bigEndian) { try cursor.seek(atOrBefore: $0) }
    }
}

extension StoreError {
    static func damagedBlock(_ first: Revision, _ reason: String) -> StoreError {
        var error = StoreError(
            .damaged, "log block \(first): \(reason); \(StoreError.advice)")
        error.requested = first
        return error
    }
}
