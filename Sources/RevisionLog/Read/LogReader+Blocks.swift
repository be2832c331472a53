import Changes
import LMDB

extension LogReader {
    /// The block under the cursor, decoded.
    func block(at cursor: borrowing Cursor) throws -> ChangeBatch {
        guard let key = cursor.key, let bytes = cursor.value else { throw StoreError(.damaged, "the log ends early") }
        guard key.count == 8 else { throw StoreError(.damaged, "log: a key of \(key.count) bytes, must be 8") }
        let first = Revision(bigEndian: key.loadUnaligned(as: Revision.self))
        if let cached = cache.find(first) { return cached }
        do throws(Malformed) {
            let block = try Block.decode(bytes, firstRevision: first)
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
        let cursor = try transaction.cursor(databases.log)
        guard try withLogKey(revision, { try cursor.seek(atOrBefore: $0) }) else { return nil }
        let block = try block(at: cursor)
        return block.lastRevision >= revision ? block : nil
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
