import Changes
import LMDB

extension LogReader {
    /// Verifies what is stored. `progress` is called now and then with (revisions done, revisions in all).
    ///
    /// Everything is read in one transaction, so that all parts are of one moment; in a store that is being written
    /// meanwhile the file may grow by what is replaced during the check.
    package func check(deep: Bool, progress: (@Sendable (Int64, Int64) -> Void)?) throws -> CheckReport {
        // Pages first, with plain reads: LMDB trusts them, and could crash on a damaged one.
        do {
            try environment.verifyPages()
        } catch let error as LMDBError where error.code == LMDBError.corrupted {
            var report = CheckReport(deep: deep)
            report.problems.append(.init(part: "file", place: "data.mdb", message: error.message))
            return report
        }
        return try withView { snapshot, transaction in
            var check = Check(reader: self, meta: try meta(transaction), deep: deep, progress: progress)
            // What cannot be walked is not walked.
            guard try check.checkLongKeys(transaction) else { return check.report }
            try check.checkDictionaries(transaction)
            try check.checkLog(transaction)
            try check.checkState(transaction)
            try check.checkBase(transaction)
            try check.checkCursors(transaction)
            try check.checkLeases(transaction)
            try check.checkProperties(transaction)
            try check.checkOverlay(snapshot, transaction)
            return check.report
        }
    }
}

/// One check under way. It goes on after what it finds, and reports each with its place.
struct Check {
    let reader: LogReader
    let meta: Meta
    let progress: (@Sendable (Int64, Int64) -> Void)?
    private(set) var report: CheckReport
    /// With a deep check: the history so far, change by change.
    private var model: HistoryModel?
    /// Keys of `state` that are attached to leases.
    private(set) var attached: Int64 = 0
    private var blocks: Int64 = 0
    private var logBytes: Int64 = 0
    private var logRawBytes: Int64 = 0

    init(reader: LogReader, meta: Meta, deep: Bool, progress: (@Sendable (Int64, Int64) -> Void)?) {
        self.reader = reader
        self.meta = meta
        self.progress = progress
        report = CheckReport(deep: deep)
        if deep { model = HistoryModel(dropped: meta.dropped, compacted: meta.compacted) }
    }

    mutating func note(_ part: String, _ place: String, _ revision: Revision? = nil, _ message: String) {
        guard report.problems.count < Limits.reportedProblems else {
            report.truncated = true
            return
        }
        report.problems.append(.init(part: part, place: place, revision: revision, message: message))
    }

    // MARK: Log

    mutating func checkLog(_ transaction: borrowing ReadTransaction) throws {
        var cursor = try transaction.cursor(reader.databases.log)
        var next = meta.dropped
        var found = try cursor.first()
        while let entry = found {
            if let block = decodeBlock(entry) {
                checkPosition(block, &next)
                try checkRecords(block, from: max(meta.dropped, block.firstRevision), transaction)
            }
            progress?(next - meta.dropped, meta.checkpoint - meta.dropped + 1)
            found = try cursor.next()
        }
        if next <= meta.checkpoint {
            note("log", "end", next, "revisions \(next) to \(meta.checkpoint) are missing")
        }
        let sizes = [
            (blocks, meta.blocks, "blocks"), (logBytes, meta.logBytes, "bytes"),
            (logRawBytes, meta.logRawBytes, "raw bytes"),
        ]
        for (counted, noted, unit) in sizes where counted != noted {
            note("meta", "log", nil, "the log has \(counted) \(unit), noted are \(noted)")
        }
    }

    private mutating func decodeBlock(_ entry: ReadCursor.Entry) -> ChangeBatch? {
        guard let first = try? Block.firstRevision(entry.key) else {
            note("log", "key \(Bytes(copying: entry.key))", nil, "the key has \(entry.key.count) bytes; it must have 8")
            return nil
        }
        blocks += 1
        logBytes += Int64(entry.value.count)
        report.blocks += 1
        do throws(Malformed) {
            logRawBytes += Int64(try Block.header(entry.value).rawLength)
            return try Block.decode(entry.value, firstRevision: first)
        } catch {
            note("log", "block \(first)", first, error.reason)
            return nil
        }
    }

    private mutating func checkPosition(_ block: ChangeBatch, _ next: inout Revision) {
        let place = "block \(block.firstRevision)"
        let isFirst = next == meta.dropped
        if isFirst ? block.firstRevision > next : block.firstRevision != next {
            note("log", place, next, "revision \(next) was expected here")
        }
        if block.lastRevision < meta.dropped {
            note("log", place, block.firstRevision, "the block was dropped by a compaction and is still there")
        }
        if block.lastRevision > meta.checkpoint {
            note("log", place, block.lastRevision, "the block goes beyond the checkpoint, \(meta.checkpoint)")
        }
        next = max(next, block.lastRevision + 1)
    }

    private mutating func checkRecords(
        _ block: ChangeBatch, from first: Revision, _ transaction: borrowing ReadTransaction
    ) throws {
        guard first <= block.lastRevision else { return }
        for revision in first...block.lastRevision {
            report.revisions += 1
            for index in block.entryIndices(ofRecord: Int(revision - block.firstRevision)) {
                report.changes += 1
                try follow(block, index, "block \(block.firstRevision)", transaction)
            }
        }
    }

    private mutating func follow(
        _ batch: ChangeBatch, _ index: Int, _ place: String, part: String = "log",
        _ transaction: borrowing ReadTransaction
    ) throws {
        guard model != nil else { return }
        let key = batch.key(index)
        if !model!.knows(key) {
            let base = try? key.withUnsafeBytes { try reader.stored($0, in: reader.databases.base, transaction) }
            model!.begin(key, base)
        }
        if let message = model!.follow(key, KeyVersion(batch, index)) {
            note(part, place, batch.revision(ofEntry: index), "key \(key): \(message)")
        }
    }

    // MARK: State and base

    mutating func checkState(_ transaction: borrowing ReadTransaction) throws {
        var cursor = try transaction.cursor(reader.databases.state)
        var found = try cursor.first()
        var present: Int64 = 0
        while let entry = found {
            report.keys += 1
            let key = Bytes(copying: entry.key)
            do throws(Malformed) {
                let version = try KeyVersion(entry.value, key: entry.key) { number throws(Malformed) in
                    try reader.dictionary(number, transaction)
                }
                if version.type == .put { present += 1 }
                if version.lease != 0 { attached += 1 }
                if version.isLost { note("state", "key \(key)", version.modRevision, "has no value") }
                if version.modRevision > meta.checkpoint {
                    note("state", "key \(key)", version.modRevision, "is newer than the checkpoint")
                }
                if version.type == .delete, version.modRevision < meta.dropped {
                    note("state", "key \(key)", version.modRevision, "is a tombstone that was compacted")
                }
                if let message = model?.checkNewest(key, version) {
                    note("state", "key \(key)", version.modRevision, message)
                }
            } catch {
                note("state", "key \(key)", nil, error.reason)
                model?.skipNewest(key)
            }
            found = try cursor.next()
        }
        if present != meta.keys {
            note("meta", "keys", nil, "\(present) keys exist, noted are \(meta.keys)")
        }
        for key in model?.unchecked ?? [] {
            note("state", "key \(key)", nil, "is missing, though the log changed it")
        }
    }

    mutating func checkBase(_ transaction: borrowing ReadTransaction) throws {
        var cursor = try transaction.cursor(reader.databases.base)
        var found = try cursor.first()
        while let entry = found {
            let key = Bytes(copying: entry.key)
            do throws(Malformed) {
                let version = try KeyVersion(entry.value, key: entry.key) { number throws(Malformed) in
                    try reader.dictionary(number, transaction)
                }
                if version.type != .put || version.modRevision >= meta.dropped {
                    note("base", "key \(key)", version.modRevision, "is not a put from before the log")
                }
                if let model, !model.knows(key) {
                    note("base", "key \(key)", version.modRevision, "has not changed since; only `state` may have it")
                }
            } catch {
                note("base", "key \(key)", nil, error.reason)
            }
            found = try cursor.next()
        }
    }

    // MARK: Overlay

    /// What is committed and not checkpointed. Its bytes were verified when they were read from the journal.
    mutating func checkOverlay(_ snapshot: LogSnapshot, _ transaction: borrowing ReadTransaction) throws {
        var next = meta.checkpoint + 1
        var batches: [ChangeBatch] = []
        snapshot.recent.forEach(from: next) { batch in
            if batch.firstRevision != next {
                note("journal", "revision \(batch.firstRevision)", next, "revision \(next) was expected here")
            }
            next = batch.lastRevision + 1
            report.revisions += batch.recordCount
            report.changes += batch.entries.count
            batches.append(batch)
            return true
        }
        var keys: Set<Bytes> = []
        for batch in batches {
            for index in batch.entries.indices {
                try join(batch.key(index), &keys, transaction)
                try follow(batch, index, "revision \(batch.revision(ofEntry: index))", part: "journal", transaction)
            }
        }
    }

    /// Counts a key of the overlay that is new, and tells the model what the state has of one that the log did not
    /// change.
    private mutating func join(
        _ key: Bytes, _ keys: inout Set<Bytes>, _ transaction: borrowing ReadTransaction
    ) throws {
        guard keys.insert(key).inserted else { return }
        let stored = try? key.withUnsafeBytes { try reader.stored($0, in: reader.databases.state, transaction) }
        if stored == nil { report.keys += 1 }
        if model?.knows(key) == false { model?.begin(key, stored) }
    }
}
