import Changes
import LMDB

extension LogWriter {
    /// Makes `revision` the first that can be read. It must not be newer than the checkpoint.
    ///
    /// - Throws: `.held` if a cursor holds what is before it, unless that is overridden.
    mutating func setCompacted(_ revision: Revision, overridesCursors: Bool = false) throws {
        precondition(revision <= meta.checkpoint, "only what is in LMDB can be compacted")
        guard revision > meta.compacted else { return }
        meta = try commit { next, transaction in
            try settleCursors(before: revision, overrides: overridesCursors, next, transaction)
            next.compacted = revision
        }
        cursors.endFailed()
        Failpoint.reach(.compactionNoted)
    }

    /// Whether records wait to be dropped.
    var hasCompactionWork: Bool { meta.dropped < meta.compacted }

    /// Drops the oldest records below the compaction revision, a bounded number of them.
    ///
    /// A change that made its key's present version leaves `base` (`state` has it; a tombstone leaves that too).
    /// Any other put becomes the version in `base`, any other delete removes it from there. Going upwards, `base`
    /// ends with the last version below the compaction revision, for just the keys that changed since.
    mutating func compactionStep() throws {
        meta = try commit { next, transaction in
            var examined = 0
            while next.dropped < next.compacted, examined < Limits.compactionRecords {
                var cursor = try transaction.cursor(databases.log)
                let entry = try withUnsafeBytes(of: next.dropped.bigEndian) { try cursor.seek(atOrBefore: $0) }
                guard let entry else { throw StoreError.missing(next.dropped) }
                let (block, stored, raw) = try Self.block(Block.firstRevision(entry.key), entry.value)
                guard block.firstRevision <= next.dropped, next.dropped <= block.lastRevision else {
                    throw StoreError.missing(next.dropped)
                }
                let end = min(block.lastRevision + 1, next.compacted)
                for revision in next.dropped..<end {
                    for index in block.entryIndices(ofRecord: Int(revision - block.firstRevision)) {
                        try forget(block, index, revision, transaction)
                    }
                }
                examined += Int(end - next.dropped)
                next.dropped = end
                if block.lastRevision < end {
                    try cursor.deleteCurrent()
                    next.blocks -= 1
                    next.logBytes -= Int64(stored)
                    next.logRawBytes -= Int64(raw)
                }
            }
            Failpoint.reach(.compactionStepWritten)
        }
        Failpoint.reach(.compactionStepCommitted)
    }

    private func forget(
        _ block: ChangeBatch, _ index: Int, _ revision: Revision, _ transaction: borrowing WriteTransaction
    ) throws {
        let key = block.key(index)
        let type = block.entries[index].type
        try key.withUnsafeBytes { bytes in
            let current = try transaction.get(databases.state, bytes).map { try decode($0, key: bytes) }
            if current?.modRevision == revision {
                try transaction.delete(databases.base, bytes)
                if type == .delete { try transaction.delete(databases.state, bytes) }
            } else if type == .put {
                let version = KeyVersion(block, index).encoded(key: key, values.current)
                try version.withUnsafeBytes { try transaction.put(databases.base, bytes, $0) }
            } else {
                try transaction.delete(databases.base, bytes)
            }
        }
    }
}
