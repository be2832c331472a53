import Changes
import LMDB

/// What is left of the leases or of the properties of a damaged store: entries whose checksum, which covers the key, holds.
///
/// Those of LMDB's last commit count. Where that is damaged, one of the commit before it or of a leaf that no tree leads to
/// takes the place of what is missing. It may be of before: a lease that was revoked since, or what a property said then.
struct SalvagedEntries {
    /// What an entry must be to be believed.
    struct Kind {
        /// The name of the tree.
        var tree: String
        /// Bytes of a value. A length that is damaged must not make anybody reserve memory for it.
        var valueBytes: ClosedRange<Int>
        /// How many a store may have.
        var limit: Int
        /// Whether this key and value are what was written.
        var isIntact: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool
        /// Whether an entry that is intact may all the same be one of another tree, if no tree leads to it.
        var isAmbiguous: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool
    }

    /// Values as stored, under their keys.
    private(set) var values: [[UInt8]: [UInt8]] = [:]
    /// Keys of those that are not of the last commit, or may not be.
    private(set) var older: Set<[UInt8]> = []
    /// Keys, as far as they can be believed, whose entry in the last commit is damaged and in whose place there is none.
    private(set) var damaged: Set<[UInt8]> = []
    /// What is wrong with single entries.
    private(set) var damage: [String] = []
    /// How many are known to be missing.
    private(set) var lost = 0
    /// Whether there may have been more than that.
    private(set) var mayLack = true

    /// Those of a store without a data file: there may have been any.
    init() {}

    init(_ kind: Kind, _ data: DataFileSalvage) throws {
        guard let last = data.snapshots.first else { return }
        // A store of an older format has no such tree.
        let tree = last.trees[kind.tree]
        for entry in tree?.entries ?? [] {
            if let value = try Self.value(entry, kind, data) {
                values[entry.key] = value
            } else {
                damaged.insert(entry.key)
                damage.append("data.mdb, tree \(kind.tree): the entry at byte \(entry.value.lowerBound) is damaged")
            }
        }
        let missing = tree?.missing ?? 0
        // Of two headers one is of the last commit: if only one is left, nobody knows which.
        let isLast = data.snapshots.count == 2
        mayLack = !isLast || !last.damage.isEmpty || tree.map { !$0.damage.isEmpty && $0.missing == 0 } ?? false
        guard mayLack || missing > 0 || !damaged.isEmpty else { return }
        if !isLast { older.formUnion(values.keys) }
        let known = damaged.count + missing
        let replaced = try replace(kind, data)
        lost = max(0, known - replaced)
        damaged.subtract(values.keys)
    }

    /// Takes what is missing from elsewhere. Returns how many these are.
    private mutating func replace(_ kind: Kind, _ data: DataFileSalvage) throws -> Int {
        var replaced = 0
        func take(_ entry: DataFileSalvage.Entry, isStray: Bool) throws {
            guard values[entry.key] == nil, values.count < kind.limit,
                let value = try Self.value(entry, kind, data)
            else { return }
            if isStray, Self.holds(kind.isAmbiguous, entry.key, value) { return }
            values[entry.key] = value
            older.insert(entry.key)
            replaced += 1
        }
        for snapshot in data.snapshots.dropFirst() {
            for entry in snapshot.trees[kind.tree]?.entries ?? [] { try take(entry, isStray: false) }
        }
        for entry in data.strays { try take(entry, isStray: true) }
        return replaced
    }

    private static func value(
        _ entry: DataFileSalvage.Entry, _ kind: Kind, _ data: DataFileSalvage
    ) throws -> [UInt8]? {
        guard kind.valueBytes.contains(entry.value.count) else { return nil }
        let value = try data.read(entry.value)
        return holds(kind.isIntact, entry.key, value) ? value : nil
    }

    private static func holds(
        _ condition: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool, _ key: [UInt8], _ value: [UInt8]
    ) -> Bool {
        key.withUnsafeBytes { key in value.withUnsafeBytes { condition(key, $0) } }
    }

    /// Writes them into `database` of the store that is built, in steps.
    func write(to builder: StoreBuilder, _ database: Database) throws {
        var rest = values.sorted { $0.key.lexicographicallyPrecedes($1.key) }[...]
        while !rest.isEmpty {
            try builder.write { transaction in
                var bytes = 0
                while let (key, value) = rest.first, bytes < Limits.restoreStepBytes {
                    rest.removeFirst()
                    bytes += key.count + value.count
                    try key.withUnsafeBytes { key in
                        try value.withUnsafeBytes { try transaction.put(database, key, $0) }
                    }
                }
            }
        }
    }
}

extension SalvagedEntries.Kind {
    static var leases: Self {
        .init(
            tree: "leases", valueBytes: LeaseEntry.length...LeaseEntry.length, limit: Limits.leases,
            isIntact: { key, value in key.count == 8 && (try? LeaseEntry(value, id: key)) != nil },
            isAmbiguous: { _, _ in false })
    }

    static var properties: Self {
        .init(
            tree: "properties", valueBytes: 4...4 + Limits.propertyBytes, limit: .max,
            isIntact: { key, value in
                Limits.propertyNameBytes.contains(key.count) && Bytes(copying: key).string != nil
                    && (try? Property.value(value, key)) != nil
            },
            // Their checksum is made in the same way.
            isAmbiguous: { key, value in
                key.count == 8 && (try? LeaseEntry(value, id: key)) != nil
                    || key.count > 8 && (try? LeaseIndexEntry(value, key: key)) != nil
                    || (try? LongRow(key, value)) != nil
                    || (try? ValueDictionary(value, key: key)) != nil
                    || (try? CursorEntry(value, name: key)) != nil
                    || (try? KeyVersion(value, key: key, numbersOnly: true)) != nil
            })
    }
}
