import Changes
import LMDB
import Threads

extension LogReader {
    /// What is stored of the cursor `name`.
    func cursorEntry(_ name: String) throws -> CursorEntry? {
        guard let database = databases.cursors else { return nil }
        return try withView { _, transaction in try transaction.cursorEntry(Array(name.utf8), database) }
    }

    /// The cursor `name`, with what `ledger` knows of it that is not written yet.
    package func watchCursor(_ name: String, _ ledger: CursorLedger) throws -> WatchCursor? {
        guard let database = databases.cursors else { return nil }
        return try withView { snapshot, transaction in
            guard let entry = try transaction.cursorEntry(Array(name.utf8), database) else { return nil }
            return try describe(name, entry, ledger, snapshot, transaction)
        }
    }

    /// All cursors, in the order of their names.
    package func watchCursors(_ ledger: CursorLedger) throws -> [WatchCursor] {
        guard let database = databases.cursors else { return [] }
        return try withView { snapshot, transaction in
            var cursors: [WatchCursor] = []
            try transaction.forEachCursor(database) { name, entry in
                guard let entry else {
                    throw StoreError(
                        .damaged, "the cursor \"\(name)\" does not match its checksum; set it to make it anew")
                }
                cursors.append(try describe(name, entry, ledger, snapshot, transaction))
            }
            return cursors
        }
    }

    private func describe(
        _ name: String, _ entry: CursorEntry, _ ledger: CursorLedger, _ snapshot: LogSnapshot,
        _ transaction: borrowing ReadTransaction
    ) throws -> WatchCursor {
        let meta = try meta(transaction)
        let acknowledged = max(
            entry.acknowledged, ledger.unwritten(name, generation: entry.generation) ?? entry.acknowledged)
        let milliseconds = wallClockMilliseconds()
        let head = max(snapshot.head, meta.checkpoint)
        var lag = try LagReading<ReadAccess>(log: databases.log, meta: meta, head: head, milliseconds: milliseconds)
            .lag(acknowledged, transaction)
        // What is not in the log yet.
        if acknowledged + 1 > meta.checkpoint, let batch = snapshot.recent.batch(of: acknowledged + 1) {
            let committed = batch.commitTime(ofRecord: Int(acknowledged + 1 - batch.firstRevision))
            lag.age = .milliseconds(max(0, milliseconds.subtractingReportingOverflow(committed).partialValue))
        }
        return WatchCursor(
            name: name, acknowledged: acknowledged, movedMilliseconds: entry.movedMilliseconds, hold: entry.hold,
            isFailed: entry.isFailed, lag: lag,
            isCompacted: acknowledged + 1 < max(meta.earliest, snapshot.earliest))
    }
}
