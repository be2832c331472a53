public import Changes

/// What was saved of a damaged store, and what was not.
public struct RecoveryReport: Sendable, Hashable {
    /// The revisions that the new store has.
    public var kept: ClosedRange<Revision>
    /// Retained revisions that were found nowhere intact.
    public var lost: [ClosedRange<Revision>]
    /// Revisions that are intact, but cannot be in the new store: before its first one the value of some key cannot be
    /// established, after its last one what lies in between is lost.
    public var apart: [ClosedRange<Revision>]
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
    /// What is damaged, and where. At most 100 places.
    public var damage: [String]

    /// Whether the new store has everything that the damaged one had.
    public var isComplete: Bool {
        lost.isEmpty && apart.isEmpty && rebuilt == nil && doubtfulKeyCount == 0 && missingKeys == 0
    }
}
