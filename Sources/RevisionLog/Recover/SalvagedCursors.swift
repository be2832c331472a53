import Changes
import LMDB

/// The cursors of a damaged store: entries whose checksum, which covers the name, holds.
///
/// Those of LMDB's last commit count. Where that is damaged, an entry of the commit before it or of a leaf that no tree
/// leads to takes the place: it stands earlier, so what it has not acknowledged comes again, and nothing is passed over.
struct SalvagedCursors {
    private var entries: [String: CursorEntry] = [:]
    /// Of those, the ones that are not of the last commit, or may not be.
    private var older: Set<String> = []
    /// Names whose entry in the last commit is damaged.
    private var damaged: Set<String> = []
    /// There may be more: an entry is missing, or damaged and with it perhaps its name.
    private(set) var mayLack = true

    /// Those of a store without a data file: there may have been any.
    init() {}

    init(_ data: DataFileSalvage) throws {
        guard let last = data.snapshots.first else { return }
        // A store of format version 1 has no such tree.
        let tree = last.trees["cursors"]
        // Of two headers one is of the last commit: if only one is left, nobody knows which.
        let isLast = data.snapshots.count == 2
        mayLack = !isLast || !last.damage.isEmpty || tree?.damage.isEmpty == false
        for entry in tree?.entries ?? [] {
            guard let name = Self.name(entry) else {
                mayLack = true
                continue
            }
            if let cursor = try Self.cursor(entry, data) {
                entries[name] = cursor
            } else {
                damaged.insert(name)
                mayLack = true
            }
        }
        guard mayLack else { return }
        if !isLast { older.formUnion(entries.keys) }
        for entry in data.snapshots.dropFirst().flatMap({ $0.trees["cursors"]?.entries ?? [] }) + data.strays {
            guard let name = Self.name(entry), entries[name] == nil || older.contains(name),
                let cursor = try Self.cursor(entry, data)
            else { continue }
            older.insert(name)
            if entries[name].map({ cursor.acknowledged < $0.acknowledged }) ?? true { entries[name] = cursor }
        }
    }

    private static func name(_ entry: DataFileSalvage.Entry) -> String? {
        Bytes(entry.key).string.flatMap { (try? validateCursorName($0)) == nil ? nil : $0 }
    }

    private static func cursor(_ entry: DataFileSalvage.Entry, _ data: DataFileSalvage) throws -> CursorEntry? {
        // A length that is damaged must not make anybody reserve memory for it.
        guard entry.value.count == CursorEntry.length else { return nil }
        return try data.read(entry.value).withUnsafeBytes { bytes in
            entry.key.withUnsafeBytes { try? CursorEntry(bytes, name: $0) }
        }
    }

    /// Writes them into a store that has the revisions `kept`, of one that was compacted at `compacted`. Returns how many
    /// these are, and those that do not stand where they stood, or cannot go on from there.
    func write(
        to builder: StoreBuilder, kept: ClosedRange<Revision>, compacted: Revision
    ) throws -> (count: Int, changed: [RecoveryReport.ChangedCursor]) {
        var fates: [String: RecoveryReport.CursorFate] = [:]
        for name in damaged where entries[name] == nil { fates[name] = .lost }
        let cursors = entries.sorted { $0.key < $1.key }.prefix(Limits.cursors)
        try builder.write { transaction in
            for (name, salvaged) in cursors {
                var cursor = salvaged
                if older.contains(name) { fates[name] = .older }
                if cursor.acknowledged > kept.upperBound {
                    // Others will get the numbers of the revisions that it has acknowledged.
                    cursor.acknowledged = kept.upperBound
                    fates[name] = .takenBack
                } else if cursor.acknowledged + 1 < kept.lowerBound, cursor.acknowledged + 1 >= compacted {
                    fates[name] = .behind
                }
                try transaction.put(cursor, Array(name.utf8), builder.databases.cursors!)
            }
        }
        let changed = fates.map { RecoveryReport.ChangedCursor(name: $0.key, fate: $0.value) }
        return (cursors.count, changed.sorted { $0.name < $1.name })
    }
}
