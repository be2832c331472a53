package import Changes
import LMDB

// A store needs, for its first revision, what every key held before it, and from there on every revision. So of a damaged
// one it can have one run of revisions without a hole. Which one:
//
//  1. The run that the checkpoint is in, or that follows it: `state` says what keys held at the checkpoint. It is taken as of
//     the last commit of LMDB, or, if that is damaged, as of the one before, of which LMDB overwrites nothing.
//  2. If the log has every revision from the first on, no `state` is needed.
//
// In the run the store begins at the compaction revision, or with the run. What a key held before its first change in the run
// is believed only if the log or an entry with a valid checksum has the very version that the change names as the one
// before. If none has, `base` notes that there was one and that its value is lost: the changes are all there, and reading
// the key at a revision before the first of them fails. Nothing is guessed. What is intact and not in the run is passed to
// the caller.

/// Makes stores of what is intact of damaged ones.
package enum Recovery {
    /// Makes a store in `newPath` of what is intact in the directory `path`, which is only read. `apart` gets the
    /// revisions that are intact and not in it, in order; `progress` is called now and then with (revisions done, revisions
    /// in all).
    ///
    /// - Throws: `StoreError` with `.damaged` if no store can be made. `apart` was called before with all that there is.
    package static func store(
        from path: String, to newPath: String, apart: ((WatchUpdate) throws -> Void)?,
        progress: (@Sendable (Int64, Int64) -> Void)?
    ) throws -> RecoveryReport {
        let names = try StoreDirectory.contents(path)
        guard names.contains(where: { $0 == "data.mdb" || $0.hasPrefix("journal-") }) else {
            throw StoreError(.notAStore, "\(path) has neither a data file nor a journal; there is nothing to recover")
        }
        func recover() throws -> RecoveryReport {
            try storeErrors {
                var run = RecoveryRun(
                    salvage: try Salvage(directory: path), newPath: newPath, progress: progress)
                return try run.run(apart)
            }
        }
        guard names.contains(WriterLock.fileName) else { return try recover() }
        guard let report = try LockFile(directory: path).whileUnwritten(recover) else {
            throw StoreError(.locked, "the store in \(path) is open for writing in another process; close it there")
        }
        return report
    }
}

private struct RecoveryRun {
    let salvage: Salvage
    let newPath: String
    let progress: (@Sendable (Int64, Int64) -> Void)?
    private var rebuilt: Revision?

    init(salvage: Salvage, newPath: String, progress: (@Sendable (Int64, Int64) -> Void)?) {
        self.salvage = salvage
        self.newPath = newPath
        self.progress = progress
    }

    /// The revision before which the store was compacted, as far as that is known.
    private var compacted: Revision { salvage.states.map(\.meta.compacted).max() ?? 0 }

    mutating func run(_ apart: ((WatchUpdate) throws -> Void)?) throws -> RecoveryReport {
        // Refused before the work, not after it.
        let builder = try StoreBuilder(path: newPath)
        guard let (run, state) = try choose() else {
            try pass(salvage.coverage.ranges, to: apart)
            throw StoreError(
                .damaged,
                "no store can be made of what is intact: neither what the keys held nor all revisions from the first on are "
                    + "there (\(salvage.damage.first ?? "nothing is damaged")); restore a backup")
        }
        let survey = try KeySurvey(salvage, run: run)
        let start = max(run.lowerBound, compacted)
        let beginnings = try survey.beginnings(at: start, state)
        let kept = start...run.upperBound
        let outside = Self.outside(kept, of: salvage.coverage.ranges, from: max(1, compacted), through: salvage.head)
        try pass(outside, to: apart)
        var meta = Meta(storeID: UInt64.random(in: 1 ... .max))
        meta.compacted = start > 1 ? start : 0
        meta.dropped = start
        meta.checkpoint = start - 1
        meta.keys = try write(beginnings.versions, to: builder) + Int64(beginnings.unneeded)
        meta = try replay(kept, survey, meta, builder)
        let cursors = try salvage.cursors.write(to: builder, kept: kept, compacted: compacted)
        try salvage.leases.write(to: builder, builder.databases.leases!)
        try salvage.properties.write(to: builder, builder.databases.properties!)
        let orphans = try self.orphans(builder)
        try builder.finish(meta)
        let missing = try state.map { try missingKeys(meta, run, $0, survey) } ?? 0
        var report = report(kept, outside, meta, missing, beginnings)
        report.cursors = cursors.count
        report.changedCursors = cursors.changed
        report.mayLackCursors = salvage.cursors.mayLack
        report.add(leases: salvage.leases, orphans: orphans)
        report.add(properties: salvage.properties)
        return report
    }

    // MARK: Choosing

    /// The run to make a store of, and what keys held at its checkpoint, if that is needed.
    private mutating func choose() throws -> (ClosedRange<Revision>, Salvage.State?)? {
        // Without holes from the first revision on the log alone says everything.
        let whole = salvage.coverage.run(around: 1)
        let newest = salvage.states.map(\.meta.checkpoint).max()
        if let whole, compacted <= 1, newest.map({ $0 <= whole.upperBound }) ?? true { return (whole, nil) }
        // Undamaged first, then newer.
        let states = salvage.states.sorted {
            ($0.isIntact ? 1 : 0, $0.meta.checkpoint) > ($1.isIntact ? 1 : 0, $1.meta.checkpoint)
        }
        for state in states {
            if let run = try run(of: state) { return (run, state) }
        }
        return whole.map { ($0, nil) }
    }

    private mutating func run(of state: Salvage.State) throws -> ClosedRange<Revision>? {
        let checkpoint = state.meta.checkpoint
        if let run = salvage.coverage.run(around: checkpoint) { return run }
        if let run = salvage.coverage.run(around: checkpoint + 1) { return run }
        // The newest revision is the one whose changes `state` has all.
        guard state.isIntact, let batch = try rebuild(checkpoint, state) else { return nil }
        salvage.add(rebuilt: batch)
        rebuilt = checkpoint
        return salvage.coverage.run(around: checkpoint)
    }

    private func rebuild(_ revision: Revision, _ state: Salvage.State) throws -> ChangeBatch? {
        let keys = state.versions.filter { $0.value.revision == revision }.keys.sorted()
        guard revision >= 1, !keys.isEmpty else { return nil }
        let events = try keys.map { try salvage.keyVersion($0, state.versions[$0]!).event($0) }
        return ChangeBatch(revision: revision, events: events)
    }

    // MARK: Building

    /// Puts what keys held before the first revision into `state`. Returns how many of them existed.
    private func write(_ beginnings: [KeySurvey.Beginning], to builder: StoreBuilder) throws -> Int64 {
        var existing: Int64 = 0
        var rest = beginnings[...]
        var batch: ChangeBatch?
        while !rest.isEmpty {
            var step: [(key: Bytes, version: KeyVersion)] = []
            var bytes = 0
            while let next = rest.first, bytes < Limits.restoreStepBytes {
                rest = rest.dropFirst()
                let version = try version(next, &batch)
                guard version.type == .put else { continue }
                step.append((next.key, version))
                bytes += next.key.count + version.value.count
                existing += 1
            }
            try builder.write { transaction in
                for (key, version) in step {
                    try key.withUnsafeBytes { key in
                        try version.encoded(key: Bytes(copying: key)).withUnsafeBytes {
                            try transaction.put(builder.databases.state, key, $0)
                        }
                    }
                }
            }
        }
        return existing
    }

    /// The version; `batch` is the one that the last was in.
    private func version(_ beginning: KeySurvey.Beginning, _ batch: inout ChangeBatch?) throws -> KeyVersion {
        if let lost = beginning.lost { return lost }
        if let version = beginning.version { return try salvage.keyVersion(beginning.key, version) }
        let revision = beginning.revision
        if batch.map({ $0.firstRevision <= revision && revision <= $0.lastRevision }) != true {
            batch = try salvage.coverage.piece(of: revision).map { try salvage.batch($0) }
        }
        guard let batch, let index = batch.index(of: beginning.key, in: revision) else {
            throw StoreError(
                .damaged, "revision \(revision) does not change key \(beginning.key), though another says that it does")
        }
        return KeyVersion(batch, index)
    }

    /// Applies the revisions `kept` as checkpoints do.
    private func replay(
        _ kept: ClosedRange<Revision>, _ survey: KeySurvey, _ meta: Meta, _ builder: StoreBuilder
    ) throws -> Meta {
        let state = LogState(LogSnapshot(head: meta.checkpoint, checkpoint: meta.checkpoint, compacted: meta.compacted))
        let reader = LogReader(
            environment: builder.environment, databases: builder.databases, state: state, storeID: meta.storeID)
        var writer = LogWriter(
            environment: builder.environment, databases: builder.databases,
            cursors: CursorLedger(reader: reader, interval: LogOptions().cursorInterval), meta: meta)
        func checkpoint() throws {
            let frozen = state.freeze()
            try writer.checkpoint(frozen)
            state.checkpointed(frozen)
            progress?(frozen.head - kept.lowerBound + 1, kept.upperBound - kept.lowerBound + 1)
        }
        try survey.forEachBatch(of: kept) { batch in
            if state.append(batch) >= Limits.restoreStepBytes { try checkpoint() }
        }
        try checkpoint()
        return writer.meta
    }

    // MARK: What is not in it

    /// Leases that keys in the new store are attached to, and that it does not have, and how many keys these are.
    private func orphans(_ builder: StoreBuilder) throws -> [Int64: Int] {
        var orphans: [Int64: Int] = [:]
        try builder.forEachAttachedKeys { found in
            for (lease, _) in found {
                let id = withUnsafeBytes(of: lease.bigEndian) { Array($0) }
                if salvage.leases.values[id] == nil { orphans[lease, default: 0] += 1 }
            }
        }
        return orphans
    }

    /// What `ranges` have besides `kept`, of the revisions that were there to be read.
    private static func outside(
        _ kept: ClosedRange<Revision>, of ranges: [ClosedRange<Revision>], from first: Revision, through last: Revision
    ) -> [ClosedRange<Revision>] {
        ranges.flatMap { range -> [ClosedRange<Revision>] in
            let (low, high) = (max(range.lowerBound, first), min(range.upperBound, last))
            let before = low <= min(high, kept.lowerBound - 1) ? [low...min(high, kept.lowerBound - 1)] : []
            let after = max(low, kept.upperBound + 1) <= high ? [max(low, kept.upperBound + 1)...high] : []
            return before + after
        }
    }

    private func pass(_ ranges: [ClosedRange<Revision>], to apart: ((WatchUpdate) throws -> Void)?) throws {
        guard let apart else { return }
        for range in ranges {
            for var piece in salvage.coverage.pieces
            where piece.to >= range.lowerBound && piece.from <= range.upperBound {
                piece.from = max(piece.from, range.lowerBound)
                piece.to = min(piece.to, range.upperBound)
                let batch = try salvage.batch(piece)
                for record in 0..<batch.recordCount { try apart(batch.update(ofRecord: record)) }
            }
        }
    }

    /// How many keys existed at the checkpoint of `state`, by its own count, and are missing in the new store.
    private func missingKeys(
        _ meta: Meta, _ run: ClosedRange<Revision>, _ state: Salvage.State, _ survey: KeySurvey
    ) throws -> Int {
        var difference: Int64 = 0
        if state.meta.checkpoint < run.upperBound {
            try survey.forEachBatch(of: state.meta.checkpoint + 1...run.upperBound) {
                difference += Int64($0.keyDifference)
            }
        }
        return max(0, Int(state.meta.keys + difference - meta.keys))
    }

    private func report(
        _ kept: ClosedRange<Revision>, _ outside: [ClosedRange<Revision>], _ meta: Meta, _ missing: Int,
        _ beginnings: KeySurvey.Beginnings
    ) -> RecoveryReport {
        let first = max(1, compacted)
        let last = max(salvage.head, kept.upperBound)
        return RecoveryReport(
            kept: kept, lost: first <= last ? salvage.coverage.holes(in: first...last) : [], apart: outside,
            readableFrom: beginnings.readableFrom,
            unreadableKeys: Array(beginnings.unreadable.prefix(Limits.reportedKeys)),
            unreadableKeyCount: beginnings.unreadable.count, rebuilt: rebuilt, keys: Int(meta.keys),
            doubtfulKeys: Array(beginnings.doubtful.prefix(Limits.reportedKeys)),
            doubtfulKeyCount: beginnings.doubtful.count, missingKeys: missing,
            damage: Array(salvage.damage.prefix(Limits.reportedProblems)))
    }
}
