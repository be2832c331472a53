package import Changes
import LMDB
import Threads

/// What one bounded step of a replay read.
package struct ReplayStep: Sendable {
    package var updates: ReplayedUpdates
    /// The first revision that was not examined.
    package var next: Revision
}

extension LogReader {
    /// The updates from `from` on that `filter` wants: one bounded step, through `through` at most. Reads the log in
    /// order, then the overlay.
    ///
    /// - Throws: `StoreError` with `.compacted` if `from` is no longer retained.
    package func scan(_ filter: WatchFilter?, from: Revision, through: Revision, limit: Int = .max) throws
        -> ReplayStep
    {
        try withView { snapshot, transaction in
            let meta = try meta(transaction)
            let earliest = max(meta.earliest, snapshot.earliest)
            guard from >= earliest else { throw StoreError.compacted(requested: from, earliest: earliest) }
            var collector = ReplayCollector(filter: filter, next: from, through: through, limit: limit)
            if from <= meta.checkpoint {
                try scanLog(&collector, through: min(through, meta.checkpoint), transaction)
            }
            // Whatever the transaction did not have when it began is in the snapshot, if it was visible then.
            if collector.next > meta.checkpoint, !collector.isDone {
                snapshot.recent.forEach(from: collector.next) { batch in
                    guard batch.firstRevision <= collector.next else { return false }
                    collector.take(batch)
                    return !collector.isDone
                }
            }
            return ReplayStep(updates: collector.updates, next: collector.next)
        }
    }

    private func scanLog(
        _ collector: inout ReplayCollector, through: Revision, _ transaction: borrowing ReadTransaction
    ) throws {
        var cursor = try transaction.cursor(databases.log)
        var entry = try withUnsafeBytes(of: collector.next.bigEndian) { try cursor.seek(atOrBefore: $0) }
        // Writers who are woken on this core would else wait for a reader that catches up, some milliseconds.
        var yielding = Yielding()
        while collector.next <= through, !collector.isDone {
            guard let found = entry else { throw StoreError.missing(collector.next) }
            let block = try block(found)
            guard block.firstRevision <= collector.next, collector.next <= block.lastRevision else {
                throw StoreError.missing(collector.next)
            }
            collector.take(block)
            yielding.point()
            entry = try cursor.next()
        }
    }
}

extension StoreError {
    static func missing(_ revision: Revision) -> StoreError {
        var error = StoreError(
            .damaged, "the log has no block with revision \(revision); \(StoreError.advice)")
        error.requested = revision
        return error
    }
}

/// Takes updates out of batches until it has enough for one step.
private struct ReplayCollector {
    /// What is wanted; nil for everything.
    let filter: WatchFilter?
    var next: Revision
    let through: Revision
    let limit: Int
    var updates: ReplayedUpdates
    private var records = 0
    private var bytes = 0

    init(filter: WatchFilter?, next: Revision, through: Revision, limit: Int) {
        self.filter = filter.flatMap { $0.isEverything ? nil : $0 }
        self.next = next
        self.through = through
        self.limit = limit
        updates = ReplayedUpdates(filter: self.filter)
    }

    var isDone: Bool {
        next > through || updates.count >= limit || records >= Limits.replayRecords || bytes >= Limits.replayBytes
    }

    /// Takes the records of `batch` from `next` on; `next` must be in it.
    mutating func take(_ batch: ChangeBatch) {
        bytes += batch.storage.count
        let start = Int(next - batch.firstRevision)
        let rest = start..<Int(min(through, batch.lastRevision) - batch.firstRevision) + 1
        let examined: Range<Int>
        if let filter {
            examined = filter.withMatches(in: batch) { take(batch, rest, where: $0) }
        } else {
            examined = rest.prefix(limit - updates.count)
            updates.append(batch, records: examined)
        }
        records += examined.count
        next += Int64(examined.count)
    }

    /// Takes those of `rest` that are wanted, up to the limit; returns which were examined.
    private mutating func take(
        _ batch: ChangeBatch, _ rest: Range<Int>, where isWanted: (Int) -> Bool
    ) -> Range<Int> {
        var record = rest.lowerBound
        while record < rest.upperBound, updates.count < limit {
            if batch.entryIndices(ofRecord: record).contains(where: isWanted) { updates.append(batch, record: record) }
            record += 1
        }
        return rest.lowerBound..<record
    }
}
