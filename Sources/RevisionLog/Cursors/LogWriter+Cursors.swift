import Changes
import LMDB
import Threads

extension LogWriter {
    /// The lowest revision that the cursors need to stay, each within its bounds; nil if none holds any. For who
    /// chooses what to drop; ``setCompacted(_:overridesCursors:)`` makes sure by itself.
    func cursorFloor() throws -> Revision? {
        try cursors.write(environment)
        return try storeErrors {
            try environment.withRead { try floor(below: .max, meta, $0).revision }
        }
    }

    /// What the cursors that need something before `revision` demand.
    func floor<Access>(
        below revision: Revision, _ meta: Meta, _ transaction: borrowing Transaction<Access>
    ) throws -> CursorFloor {
        var floor = CursorFloor()
        guard let database = databases.cursors else { return floor }
        let reading = LagReading<Access>(
            log: databases.log, meta: meta, head: max(cursors.head, meta.checkpoint),
            milliseconds: wallClockMilliseconds())
        // One that cannot be read holds nothing: where it stands is not known, and a check reports it.
        var entries: [(String, CursorEntry)] = []
        try transaction.forEachCursor(database) { name, entry in
            if let entry, entry.acknowledged + 1 < revision { entries.append((name, entry)) }
        }
        for (name, entry) in entries {
            try floor.add(name, entry, earliest: meta.earliest) { try reading.lag(entry.acknowledged, transaction) }
        }
        return floor
    }

    /// Before the history up to `revision` goes: refuses if a cursor holds it, marks those that fail by it.
    func settleCursors(
        before revision: Revision, overrides: Bool, _ meta: Meta, _ transaction: borrowing WriteTransaction
    ) throws {
        guard let database = databases.cursors else { return }
        let floor = try floor(below: revision, meta, transaction)
        if !overrides, floor.revision != nil { throw StoreError.held(requested: revision, by: floor) }
        for name in floor.failing + floor.fragile {
            let key = Array(name.utf8)
            guard var entry = try transaction.cursorEntry(key, database) else { continue }
            entry.isFailed = true
            try transaction.put(entry, key, database)
        }
    }
}
