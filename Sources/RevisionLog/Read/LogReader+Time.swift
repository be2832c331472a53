package import Changes
import LMDB

// Each revision carries the time of its commit by the clock of the machine, which people and services may set back. So
// times need not increase, and no index of them is kept: what is looked for is found by bisection of the revisions. Its
// result is a revision of the time or a later one whose predecessor is older. Where times increase there is one such
// revision; where the clock was set back past the time there may be several, and it is any of them.

extension LogReader {
    /// The first revision that was committed at `milliseconds` since 1970 or later; the one after the newest if none was.
    ///
    /// - Throws: `.compacted` if the history begins later and was compacted: then the first one may be gone.
    package func firstRevision(atOrAfter milliseconds: Int64) throws -> Revision {
        try withView { snapshot, transaction in
            let earliest = max(try meta(transaction).earliest, snapshot.earliest)
            var low = earliest
            var high = max(snapshot.head, earliest - 1) + 1
            while low < high {
                let middle = low + (high - low) / 2
                if try time(of: middle, snapshot, transaction) < milliseconds {
                    low = middle + 1
                } else {
                    high = middle
                }
            }
            guard low > earliest || earliest == 1 else {
                throw StoreError.compactedSince(earliest: earliest)
            }
            return low
        }
    }

    /// When `revision` was committed, in milliseconds since 1970.
    package func time(of revision: Revision) throws -> Int64 {
        try withView { snapshot, transaction in
            let earliest = max(try meta(transaction).earliest, snapshot.earliest)
            guard revision >= earliest else { throw StoreError.compacted(requested: revision, earliest: earliest) }
            return try time(of: revision, snapshot, transaction)
        }
    }

    func time(
        of revision: Revision, _ snapshot: LogSnapshot, _ transaction: borrowing ReadTransaction
    ) throws -> Int64 {
        guard let batch = try batch(of: revision, snapshot, transaction) else {
            throw StoreError.missing(revision)
        }
        return batch.commitTime(ofRecord: Int(revision - batch.firstRevision))
    }
}

extension StoreError {
    /// What was committed first after a time may be gone.
    fileprivate static func compactedSince(earliest: Revision) -> StoreError {
        var error = compacted(requested: earliest - 1, earliest: earliest)
        error.message =
            "what was committed first after that time may have been compacted; the earliest available is revision "
            + "\(earliest): name that, or a later time"
        return error
    }
}
