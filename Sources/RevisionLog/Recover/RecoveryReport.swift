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
    /// What is damaged, and where. At most 100 places.
    public var damage: [String]

    /// Whether the new store has everything that the damaged one had.
    public var isComplete: Bool {
        lost.isEmpty && apart.isEmpty && rebuilt == nil && unreadableKeyCount == 0 && doubtfulKeyCount == 0
            && missingKeys == 0 && changedCursors.isEmpty && !mayLackCursors
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
}
