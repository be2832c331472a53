package import Changes
import LMDB

/// A position in the history of the keys that a filter wants, and the choice of how to read on from it.
///
/// Walking the version chains of the keys costs what they changed; scanning the log costs what everything changed. A
/// cursor first tries the chains with a budget that is a fraction of what the scan would cost, and scans if the
/// budget does not suffice, for at least half of the way before it tries again. Of all keys there is nothing to try.
package struct ReplayCursor: Sendable {
    package let filter: WatchFilter
    /// The first revision not read yet.
    package private(set) var next: Revision
    private var scansUntil: Revision = 0

    package init(filter: WatchFilter, from revision: Revision) {
        self.filter = filter
        self.next = revision
    }

    /// Goes on at `revision` instead.
    package mutating func move(to revision: Revision) {
        next = revision
    }

    /// One bounded step, through `through` at most.
    package mutating func step(_ reader: LogReader, through: Revision) throws -> ReplayedUpdates {
        guard next <= through else { return ReplayedUpdates() }
        let distance = through - next + 1
        if distance > Int64(Limits.chainUnits.lowerBound), next >= scansUntil, filter.keys != .all {
            if let updates = try reader.chains(filter, from: next, through: through) {
                next = through + 1
                return updates
            }
            scansUntil = next + distance / 2
        }
        let step = try reader.scan(filter, from: next, through: through)
        next = step.next
        return step.updates
    }
}

extension LogReader {
    /// The updates of `from` … `through` that `filter` wants, found through the version chains of its keys; nil if
    /// that would cost more than the budget.
    func chains(_ filter: WatchFilter, from: Revision, through: Revision) throws -> ReplayedUpdates? {
        try withView { snapshot, transaction in
            let meta = try meta(transaction)
            let earliest = max(meta.earliest, snapshot.earliest)
            guard from >= earliest else { throw StoreError.compacted(requested: from, earliest: earliest) }
            let units = Int(through - from + 1) / Limits.chainShare
            var walk = ChainWalk(filter: filter, from: from, through: through, units: units)
            if case .key(let key) = filter.keys {
                if let newest = try latest(key, numbersOnly: true, snapshot, transaction) {
                    try walk.follow(key, newest.modRevision) { try fetch($0, snapshot, transaction) }
                }
            } else {
                try forEachLatest(
                    from: filter.keys.lowerBound, to: filter.keys.upperBound, numbersOnly: true, snapshot, transaction
                ) { key, newest in
                    try walk.follow(key, newest.modRevision) { try fetch($0, snapshot, transaction) }
                    return walk.isAffordable
                }
            }
            return walk.isAffordable ? walk.updates : nil
        }
    }
}

/// Changes found by following version chains back, as long as the budget lasts.
private struct ChainWalk {
    let filter: WatchFilter
    let from: Revision
    let through: Revision
    private var units: Int
    private var found: [Revision: ChangeBatch] = [:]

    init(filter: WatchFilter, from: Revision, through: Revision, units: Int) {
        self.filter = filter
        self.from = from
        self.through = through
        self.units = min(max(units, Limits.chainUnits.lowerBound), Limits.chainUnits.upperBound)
    }

    var isAffordable: Bool { units >= 0 }

    /// What was found.
    var updates: ReplayedUpdates {
        var updates = ReplayedUpdates(filter: filter)
        for (revision, batch) in found.sorted(by: { $0.key < $1.key }) {
            updates.append(batch, record: Int(revision - batch.firstRevision))
        }
        return updates
    }

    /// Follows the chain of `key` from `newest` back to `from`.
    mutating func follow(_ key: Bytes, _ newest: Revision, fetch: (Revision) throws -> Fetched?) throws {
        var revision = newest
        units -= 1
        while revision >= from, isAffordable {
            guard let fetched = try fetch(revision), let index = fetched.batch.index(of: key, in: revision) else {
                throw StoreError.missing(revision)
            }
            let batch = fetched.batch
            units -= fetched.isDecoded ? batch.recordCount : Limits.fetchUnits
            if revision <= through, filter.types.contains(batch.entries[index].type) {
                found[revision] = batch
            }
            revision = batch.entries[index].previousRevision
        }
    }
}
