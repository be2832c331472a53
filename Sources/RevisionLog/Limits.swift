/// Every bound of this module, in one place. Those that a user may want to change are fields of ``LogOptions``.
package enum Limits {
    /// Bytes in a key: what LMDB's page format allows, as Debian builds it.
    package static let keyBytes = 1...511
    /// Raw bytes after which a block of the log is closed. LZ4's window is as large; larger blocks compress hardly
    /// better and cost more to read one record from.
    package static let blockBytes = 64 << 10
    /// Records in a block, so that its index stays small even if the records are tiny.
    package static let blockRecords = 4096
    /// Raw bytes of one block or frame that a reader accepts; a header that claims more is damaged.
    package static let decodedBytes = 256 << 20
    /// Shorter payloads are not even tried to compress.
    package static let compressibleBytes = 96
    /// Decoded blocks kept for readers that walk version chains or replay the same range.
    package static let cachedBlocks = 32
    /// Records that one step of a replay examines before it gives its read transaction back.
    package static let replayRecords = 4096
    /// Raw bytes that one step of a replay decodes, at least one block.
    package static let replayBytes = 1 << 20
    /// Cost units (about 50 ns each) that a replay spends on trying version chains before it scans instead.
    package static let chainUnits = 512...65_536
    /// Cost units of fetching one revision through a chain: a block to decode.
    package static let fetchUnits = 64
    /// Keys that one page of a range looks at, and bytes of keys and values that it collects.
    package static let pageKeys = 8192
    package static let pageBytes = 4 << 20
    /// Records that one step of a compaction examines in its write transaction.
    package static let compactionRecords = 4096
    /// Problems that a check reports before it stops.
    package static let reportedProblems = 100
    /// Attempts to take a snapshot anew when a compaction overtakes a read, before the error is passed on.
    package static let snapshotAttempts = 8
    /// Frames that a follower takes over before it publishes them.
    package static let followedFrames = 256
    /// A follower looks at the head at least this often, should a notification get lost.
    package static let followMilliseconds = 250
}
