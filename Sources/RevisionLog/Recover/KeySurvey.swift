import Changes

/// What is known of each key, for a store that begins at some revision of a run: which values it must begin with.
///
/// The store that is made is one that was compacted at its first revision: `base` and `state` must say what every key held
/// before it. Of a key that the run changes the first change names the version before, which is needed; of others their
/// newest version is.
struct KeySurvey {
    /// The first change of a key in the run.
    private struct First {
        var revision: Revision
        var previous: Revision
        /// Not the creation of the key, so there was a version before it.
        var hasBefore: Bool

        init(_ batch: ChangeBatch, _ index: Int) {
            let entry = batch.entries[index]
            revision = batch.revision(ofEntry: index)
            previous = entry.previousRevision
            hasBefore = entry.type == .delete || entry.version > 1
        }
    }

    /// A value to begin with: the version of `key` that `revision` made.
    struct Beginning {
        var key: Bytes
        var revision: Revision
        /// Its entry in the data file; nil if the log has it.
        var version: Salvage.Version?
    }

    private let salvage: Salvage
    let run: ClosedRange<Revision>
    /// The newest change of each key before the run, as far as it is known.
    private var older: [Bytes: Revision] = [:]

    init(_ salvage: Salvage, run: ClosedRange<Revision>) throws {
        self.salvage = salvage
        self.run = run
        for piece in salvage.coverage.pieces where piece.from < run.lowerBound {
            let batch = try salvage.batch(piece)
            for index in batch.entries.indices { older[batch.key(index).copied] = batch.revision(ofEntry: index) }
        }
        for (key, versions) in salvage.versions {
            let newest = versions.map(\.revision).filter { $0 < run.lowerBound }.max()
            if let newest { older[key] = max(older[key] ?? 0, newest) }
        }
    }

    /// The first revision that a store can begin with, at `earliest` or later: where the version before the first change of
    /// each key is known. A change in that revision itself needs none, since nothing is read from before it.
    func start(earliest: Revision) throws -> Revision {
        var start = max(run.lowerBound, earliest)
        for (key, first) in try firsts(from: run.lowerBound) where first.hasBefore && first.revision > start {
            if try find(key, first.previous) == nil { start = first.revision }
        }
        return start
    }

    /// What a store that begins with revision `start` begins with, ascending by revision; how many keys had a value before
    /// that is not known, and not needed; and the keys of which nothing is known that holds.
    func beginnings(
        at start: Revision, _ state: Salvage.State?
    ) throws -> (beginnings: [Beginning], unknown: Int, doubtful: [Bytes]) {
        var beginnings: [Beginning] = []
        var unknown = 0
        let changed = try firsts(from: start)
        for (key, first) in changed where first.hasBefore {
            if let beginning = try find(key, first.previous) {
                beginnings.append(beginning)
            } else {
                unknown += 1
            }
        }
        var settled = Set(changed.keys)
        for (key, revision) in try newest(before: start) where settled.insert(key).inserted {
            beginnings.append(Beginning(key: key, revision: revision))
        }
        var doubtful: [Bytes] = []
        for (key, version) in state?.versions ?? [:] where settled.insert(key).inserted {
            // Whoever changed it in a revision that is known, after this one, shows that this is not the newest.
            if version.revision < run.lowerBound, older[key] ?? 0 <= version.revision {
                beginnings.append(Beginning(key: key, revision: version.revision, version: version))
            } else {
                doubtful.append(key)
            }
        }
        // A state without damage has every key that exists.
        if state?.isIntact != true, run.lowerBound > 1 { doubtful += older.keys.filter { !settled.contains($0) } }
        return (beginnings.sorted { $0.revision < $1.revision }, unknown, doubtful.sorted())
    }

    /// Where the version is that `revision` made of `key`.
    private func find(_ key: Bytes, _ revision: Revision) throws -> Beginning? {
        if salvage.coverage.piece(of: revision) != nil { return Beginning(key: key, revision: revision) }
        let version = salvage.versions[key]?.first { $0.revision == revision }
        return version.map { Beginning(key: key, revision: revision, version: $0) }
    }

    /// The first change of each key from `start` on.
    private func firsts(from start: Revision) throws -> [Bytes: First] {
        var firsts: [Bytes: First] = [:]
        try forEachBatch(of: start...run.upperBound) { batch in
            for index in batch.entries.indices where firsts[batch.key(index)] == nil {
                firsts[batch.key(index).copied] = First(batch, index)
            }
        }
        return firsts
    }

    /// The last change of each key in the run before `start`.
    private func newest(before start: Revision) throws -> [Bytes: Revision] {
        var newest: [Bytes: Revision] = [:]
        guard start > run.lowerBound else { return newest }
        try forEachBatch(of: run.lowerBound...start - 1) { batch in
            for index in batch.entries.indices { newest[batch.key(index).copied] = batch.revision(ofEntry: index) }
        }
        return newest
    }

    /// Calls `body` with the records of `revisions`, which are all there, in order.
    func forEachBatch(of revisions: ClosedRange<Revision>, _ body: (ChangeBatch) throws -> Void) throws {
        var next = revisions.lowerBound
        while next <= revisions.upperBound, var piece = salvage.coverage.piece(of: next) {
            piece.from = next
            piece.to = min(piece.to, revisions.upperBound)
            try body(salvage.batch(piece))
            next = piece.to + 1
        }
    }
}

extension Bytes {
    /// The same bytes in memory of their own: a slice would keep the whole block that it is of.
    fileprivate var copied: Bytes { Bytes(Array(self)) }
}
