public import Changes

/// Sizes and positions of a store at one moment.
public struct StoreStatistics: Sendable, Hashable {
    /// The newest revision; 0 in a new store.
    public var head: Revision = 0
    /// The oldest revision that a read or a watch may start from.
    public var earliest: Revision = 1
    /// The compaction revision; 0 if the store was never compacted.
    public var compacted: Revision = 0
    /// The revision through which LMDB holds everything; what is newer is in the journal.
    public var checkpoint: Revision = 0
    /// When the earliest revision was committed, in milliseconds since 1970 (UTC); nil if there is none, or the log is
    /// damaged there.
    public var earliestMilliseconds: Int64?
    /// Why history that was to be forgotten is still there; nil if none is, or another process writes the store.
    public var compactionFailure: StoreError?
    /// Keys that exist now.
    public var keys = 0
    /// Blocks in the log.
    public var blocks = 0
    /// Blocks among these that may still be merged with those after them, now or when there are more.
    public var unsealedBlocks = 0
    /// Bytes of the log as stored, headers included.
    public var logBytes = 0
    /// Bytes of the same records before compression.
    public var logRawBytes = 0
    /// Bytes of the LMDB data file.
    public var fileBytes = 0
    /// Bytes of that file that hold nothing now: what shrinking would give back.
    public var freeBytes = 0
    /// Bytes of the LMDB map, the size to which the file may grow before the map is enlarged.
    public var mapBytes = 0
    /// Journal segments that exist.
    public var journalSegments = 0
    /// Bytes of these segments, used or not.
    public var journalBytes = 0
    /// Bytes of records that are in the journal and not yet in LMDB, before compression.
    public var pendingBytes = 0
    /// Slots in use in LMDB's table of readers.
    public var readers = 0
    /// Slots in that table: how many reads there can be at a time, of all processes.
    public var maximumReaders = 0
    /// Identifies the store; a copy has the same.
    public var storeID: UInt64 = 0
    /// The version of the format on disk.
    public var formatVersion = 0

    /// The statistics of nothing.
    public init() {}

    /// Stored size by raw size of the log; 1 for an empty one.
    public var ratio: Double { logRawBytes == 0 ? 1 : Double(logBytes) / Double(logRawBytes) }
}
