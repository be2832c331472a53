import Changes
import LMDB

extension LogWriter {
    /// Moves the compaction revision up if there is more history than `retention` wants, and than is worth a compaction;
    /// true if it did. A bounded step: when its records are dropped, there may be more. `floor` is the lowest revision that
    /// must stay for another reason.
    mutating func retain(_ retention: Retention, now: Int64, floor: Revision? = nil) throws -> Bool {
        // The numbers in `meta` count what a compaction under way has yet to drop.
        guard !retention.isUnlimited, !hasCompactionWork else { return false }
        var walk = RetentionWalk(retention, now: now, meta: meta, head: meta.checkpoint, floor: floor)
        let isDue = try storeErrors {
            try environment.withRead { transaction in
                guard try walk.isDue(databases.log, transaction) else { return false }
                try walk.step(databases.log, transaction)
                return true
            }
        }
        guard isDue, walk.firstKept > meta.earliest else { return false }
        try setCompacted(walk.firstKept)
        return true
    }
}
