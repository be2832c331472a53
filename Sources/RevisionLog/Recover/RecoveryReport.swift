public import Changes

/// What was saved of a damaged store, and what was not.
public struct RecoveryReport: Sendable, Hashable {
    /// The revisions that the new store has.
    public var kept: ClosedRange<Revision>
    /// Retained revisions that were found nowhere intact.
    public var lost: [ClosedRange<Revision>]
    /// Revisions that are intact, but cannot be in the new store: what lies between them and it is lost.
    public var apart: [ClosedRange<Revision>]
    /// The first revision at which everything can be read. The changes from the first kept one on are all there, to be
    /// watched too; but reading a key of ``unreadableKeys`` at a revision before its first change among them fails with
    /// `.damaged`.
    public var readableFrom: Revision
    /// Keys whose value before their first change in the new store is lost. At most 1000.
    public var unreadableKeys: [Bytes]
    /// How many of these there are.
    public var unreadableKeyCount: Int
    /// The newest revision, if its record is lost and was put together from what the keys hold: its changes are all there,
    /// in the order of the keys, and without its time.
    public var rebuilt: Revision?
    /// Keys that exist in the new store.
    public var keys: Int
    /// Keys that existed, or may have, and whose value could not be established: they are not in the new store, except
    /// where a kept revision changed them. At most 1000.
    public var doubtfulKeys: [Bytes]
    /// How many of these there are whose names are known.
    public var doubtfulKeyCount: Int
    /// How many keys the damaged store had noted to exist that are not in the new one, known by name or not.
    public var missingKeys: Int
    /// Cursors in the new store.
    public var cursors = 0
    /// Cursors that do not stand where they stood, or cannot go on from there, in the order of their names.
    public var changedCursors: [ChangedCursor] = []
    /// Whether there may have been more cursors, or one has another name than it had.
    public var mayLackCursors = false
    /// Leases in the new store, each with its whole time again.
    public var leases = 0
    /// Of these, how many are of before LMDB's last commit, or may be: such a one may have been revoked since. It ends by
    /// itself.
    public var olderLeases = 0
    /// Leases that were there and are not in the new store, as far as that is known.
    public var lostLeases = 0
    /// Leases that are not in the new store, and to which keys in it are attached: those stay until they are deleted, or a
    /// lease is granted with the same id. In the order of their ids, at most 1000.
    public var orphanedKeys: [OrphanedKeys] = []
    /// Whether there may have been more leases than these.
    public var mayLackLeases = false
    /// Properties in the new store.
    public var properties = 0
    /// Properties that were there and are not in the new store, as far as that is known.
    public var lostProperties = 0
    /// Properties that are lost or say what they said before, in the order of their names, at most 1000.
    public var changedProperties: [ChangedProperty] = []
    /// Whether there may have been more properties than these.
    public var mayLackProperties = false
    /// What is damaged, and where. At most 100 places.
    public var damage: [String]

    /// Whether the new store has everything that the damaged one had.
    public var isComplete: Bool {
        lost.isEmpty && apart.isEmpty && rebuilt == nil && unreadableKeyCount == 0 && doubtfulKeyCount == 0
            && missingKeys == 0 && changedCursors.isEmpty && !mayLackCursors && olderLeases == 0 && lostLeases == 0
            && orphanedKeys.isEmpty && !mayLackLeases && lostProperties == 0 && changedProperties.isEmpty
            && !mayLackProperties
    }

    /// A cursor to look after.
    public struct ChangedCursor: Sendable, Hashable {
        public var name: String
        public var fate: CursorFate
    }

    /// What became of a cursor.
    public enum CursorFate: String, Sendable, Hashable {
        /// Its entry is damaged, and it is not in the new store.
        case lost
        /// Its newest entry is damaged or, with a header of the data file, not known; it stands where an earlier one says, and
        /// what it has acknowledged since comes again.
        case older
        /// It had acknowledged revisions that the new store does not have, and stands at the newest one.
        case takenBack = "taken_back"
        /// It stands where it stood, before the first revision of the new store: a watch from it fails with `.compacted`.
        case behind
    }

    /// Keys that are attached to a lease that is lost.
    public struct OrphanedKeys: Sendable, Hashable {
        /// The id of the lease.
        public var lease: Int64
        /// How many they are.
        public var keys: Int
    }

    /// A property to look after.
    public struct ChangedProperty: Sendable, Hashable {
        public var name: String
        public var fate: PropertyFate
    }

    /// What became of a property.
    public enum PropertyFate: String, Sendable, Hashable {
        /// Its entry is damaged, and it is not in the new store. If its name is damaged too, it is named wrongly.
        case lost
        /// Its newest entry is damaged, or with a header of the data file not known; it says what an earlier one says, or is
        /// there again though it was removed.
        case older
    }
}

extension RecoveryReport {
    /// What became of leases; `orphans` says how many keys are attached to which that are not there.
    mutating func add(leases: SalvagedEntries, orphans: [Int64: Int]) {
        self.leases = leases.values.count
        olderLeases = leases.older.count
        // Those that keys name are known to be lost, whatever else is known.
        lostLeases = max(leases.lost, orphans.count)
        mayLackLeases = leases.mayLack
        orphanedKeys = orphans.sorted { $0.key < $1.key }.prefix(Limits.reportedKeys).map {
            OrphanedKeys(lease: $0.key, keys: $0.value)
        }
    }

    mutating func add(properties: SalvagedEntries) {
        self.properties = properties.values.count
        lostProperties = properties.lost
        mayLackProperties = properties.mayLack
        let changed =
            properties.damaged.map { ($0, PropertyFate.lost) } + properties.older.map { ($0, PropertyFate.older) }
        changedProperties = changed.map { ChangedProperty(name: String(decoding: $0, as: UTF8.self), fate: $1) }
            .sorted { $0.name < $1.name }.prefix(Limits.reportedKeys).map { $0 }
    }
}
