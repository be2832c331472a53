import Changes
import LMDB

/// Finds out how far cursors are behind, in one transaction.
struct LagReading<Access> {
    let log: Database
    let meta: Meta
    let head: Revision
    let milliseconds: Int64

    /// What is behind `acknowledged`, as far as it is in the log.
    func lag(_ acknowledged: Revision, _ transaction: borrowing Transaction<Access>) throws -> CursorLag {
        var lag = CursorLag()
        lag.revisions = max(0, head - acknowledged)
        let first = max(acknowledged + 1, meta.earliest)
        guard first <= meta.checkpoint else { return lag }
        var cursor = try transaction.cursor(log)
        guard let entry = try withUnsafeBytes(of: first.bigEndian, { try cursor.seek(atOrBefore: $0) }) else {
            throw StoreError.missing(first)
        }
        let begin = try Block.firstRevision(entry.key)
        do throws(Malformed) {
            let block = try Block.decode(entry.value, firstRevision: begin)
            guard first <= block.lastRevision else { throw Malformed("it does not reach revision \(first)") }
            let committed = block.commitTime(ofRecord: Int(first - begin))
            lag.age = .milliseconds(max(0, milliseconds.subtractingReportingOverflow(committed).partialValue))
        } catch {
            throw StoreError.damagedBlock(begin, error.reason)
        }
        lag.bytes = try bytes(from: begin, &cursor)
        return lag
    }

    /// The stored bytes of the blocks from the one at `begin` on, where `cursor` stands. Only the smaller part of the log
    /// is walked, and of each block only its length is looked at.
    private func bytes(from begin: Revision, _ cursor: inout Cursor<Access>) throws -> Int {
        let isNearEnd = meta.checkpoint - begin < begin - meta.dropped
        var bytes = 0
        var found = isNearEnd ? try cursor.current() : try cursor.previous()
        while let entry = found {
            bytes += entry.value.count
            found = isNearEnd ? try cursor.next() : try cursor.previous()
        }
        return isNearEnd ? bytes : max(0, Int(meta.logBytes) - bytes)
    }
}
