package import Changes
import LMDB

extension LogReader {
    /// The first revision that `retention` keeps if it is applied to the bound, with `now` in milliseconds since 1970. What
    /// is not in LMDB yet counts as a revision, but neither as bytes nor by its age. ``LogSnapshot/earliest`` if nothing is
    /// to go.
    package func firstKept(by retention: Retention, now: Int64) throws -> Revision {
        let head = snapshot.head
        var walk = try withView { RetentionWalk(retention, now: now, meta: try meta($1), head: head) }
        // Each step in a transaction of its own. What a compaction takes away meanwhile was to go anyway, or is missed from
        // the bytes, and then less goes.
        while !retention.isUnlimited, !walk.isDone { try withView { try walk.step(databases.log, $1) } }
        return walk.firstKept
    }

    /// What a compaction through `revision` would do to the log as it is in LMDB now.
    package func compactionPreview(through revision: Revision) throws -> CompactionPreview {
        let snapshot = snapshot
        guard revision <= snapshot.head else { throw StoreError.future(requested: revision, head: snapshot.head) }
        var preview = CompactionPreview(earliest: snapshot.earliest, firstKept: max(revision, snapshot.earliest))
        guard preview.revisions > 0 else { return preview }
        let first = try time(of: preview.earliest)
        let last = try time(of: preview.firstKept - 1)
        preview.times = min(first, last)...max(first, last)
        var next: Revision? = preview.earliest
        while let from = next { next = try count(&preview, from: from) }
        return preview
    }

    /// Adds a bounded number of blocks to `preview`, from the one with `revision` on; returns where to go on.
    private func count(_ preview: inout CompactionPreview, from revision: Revision) throws -> Revision? {
        try withView { _, transaction in
            let checkpoint = try meta(transaction).checkpoint
            var cursor = try transaction.cursor(databases.log)
            var entry = try withUnsafeBytes(of: revision.bigEndian) { try cursor.seek(atOrBefore: $0) }
            for _ in 0..<Limits.retentionBlocks {
                guard let block = entry else { return nil }
                entry = try cursor.next()
                let following = try entry.map { try Block.firstRevision($0.key) }
                guard (following ?? checkpoint + 1) <= preview.firstKept else { return nil }
                preview.blocks += 1
                preview.bytes += block.value.count
            }
            return try entry.map { try Block.firstRevision($0.key) }
        }
    }
}
