import Changes
import LMDB

extension LogReader {
    /// The block that `entry` of the log holds, decoded.
    func block(_ entry: ReadCursor.Entry) throws -> ChangeBatch {
        let first = try Block.firstRevision(entry.key)
        if let cached = cache.find(first) { return cached }
        do throws(Malformed) {
            let block = try Block.decode(entry.value, firstRevision: first)
            cache.insert(block)
            return block
        } catch {
            throw StoreError.damagedBlock(first, error.reason)
        }
    }

    /// The batch that holds `revision`, from the overlay or the log; nil if the log has dropped it.
    func batch(
        of revision: Revision, _ snapshot: LogSnapshot, _ transaction: borrowing ReadTransaction
    ) throws -> ChangeBatch? {
        if let recent = snapshot.recent.batch(of: revision) { return recent }
        guard let entry = try logEntry(revision, transaction) else { return nil }
        let block = try block(entry)
        return block.lastRevision >= revision ? block : nil
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
            .damaged, "log block \(first): \(reason); run `vigil check` to see what is affected")
        error.requested = first
        return error
    }
}
