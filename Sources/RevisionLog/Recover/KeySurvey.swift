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
        /// What it tells of the version before.
        var lost: KeyVersion

        init(_ batch: ChangeBatch, _ index: Int) {
            lost = KeyVersion(lostBefore: batch, index)
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
        /// If it is nowhere: that it was, and is lost.
        var lost: KeyVersion?
    }

    /// What a store begins with.
    struct Beginnings {
        /// Ascending by revision.
        var versions: [Beginning] = []
        /// Keys that had a value before the first revision, which that changes: it is not known, and not needed.
        var unneeded = 0
        /// Keys whose value is not known before the first change in the run.
        var unreadable: [Bytes] = []
        /// The first revision at which everything can be read.
        var readableFrom: Revision
        /// Keys of which nothing is known that holds.
        var doubtful: [Bytes] = []
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

    /// What a store that begins with revision `start` begins with.
    func beginnings(at start: Revision, _ state: Salvage.State?) throws -> Beginnings {
        var beginnings = Beginnings(readableFrom: start)
        let changed = try firsts(from: start)
        for (key, first) in changed where first.hasBefore {
            if let beginning = try find(key, first.previous) {
                beginnings.versions.append(beginning)
            } else if first.revision == start {
                // Nothing is read from before it.
                beginnings.unneeded += 1
            } else {
                beginnings.versions.append(Beginning(key: key, revision: first.previous, lost: first.lost))
                beginnings.unreadable.append(key)
                beginnings.readableFrom = max(beginnings.readableFrom, first.revision)
            }
        }
        var settled = Set(changed.keys)
        for (key, revision) in try newest(before: start) where settled.insert(key).inserted {
            beginnings.versions.append(Beginning(key: key, revision: revision))
        }
        for (key, version) in state?.versions ?? [:] where settled.insert(key).inserted {
            // Whoever changed it in a revision that is known, after this one, shows that this is not the newest.
            if version.revision < run.lowerBound, older[key] ?? 0 <= version.revision {
                beginnings.versions.append(Beginning(key: key, revision: version.revision, version: version))
            } else {
                beginnings.doubtful.append(key)
            }
        }
        // A state without damage has every key that exists.
        if state?.isIntact != true, run.lowerBound > 1 {
            beginnings.doubtful += older.keys.filter { !settled.contains($0) }
        }
        beginnings.versions.sort { $0.revision < $1.revision }
        beginnings.unreadable.sort()
        beginnings.doubtful.sort()
        return beginnings
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
