/// Every bound of this module, in one place. Those that a user may want to change are fields of ``LogOptions``.
enum Limits {
    /// Bytes of the longest key that LMDB takes, as Debian builds it.
    static let storedKeyBytes = 511
    /// Steps in which a longer one is kept, at most, also with a lease's id before it.
    static let longKeySteps = (8 + LogOptions.keyBytes.upperBound) / LongRow.stepBytes
    /// Raw bytes after which a block of the log is closed. LZ4's window is as large; larger blocks compress hardly
    /// better and cost more to read one record from.
    static let blockBytes = 64 << 10
    /// Records in a block, so that its index stays small even if the records are tiny.
    static let blockRecords = 4096
    /// Raw bytes of one block or frame that a reader accepts; a header that claims more is damaged. What LZ4 takes at most.
    static let decodedBytes = 0x7E00_0000
    /// How many times as long LZ4 makes what it expands, at most.
    static let expansion = 255
    /// Raw bytes of one record: beside it a frame has others of its group, and a block what came before.
    static let recordBytes = decodedBytes - 16 << 20
    /// What a change adds to its key and value in a record, at most.
    static let changeBytes = 48
    /// Shorter payloads are not even tried to compress.
    static let compressibleBytes = 96
    /// Shorter payloads of the journal's frames are not: they take one block of the disk either way, and it is the
    /// checkpointer that keeps them.
    static let compressibleFrameBytes = 4096
    /// Shorter values are stored as they are in `state` and `base`: alone they hardly shrink.
    static let packedValueBytes = 256
    /// And so are those that compression does not make smaller by this part.
    static let packedShare = 4
    /// Bytes of values that a dictionary may be used for: shorter ones have nothing to gain, longer ones are compressed by
    /// themselves, since LZ4 sees a dictionary only in the first 64 KiB.
    static let alikeBytes = 32...64 << 10
    /// Dictionaries of a store: all are tried, and each is there for ever.
    static let dictionaries = 16
    /// Bytes of one, before compression: this part of the values that were written since the last look, within these bounds.
    static let dictionaryShare = 64
    static let dictionaryBytes = 512...16 << 10
    /// Another dictionary has to make values smaller by this part than the best that there is, and in what was written
    /// since the last look alone save so many times what it takes.
    static let dictionaryGain = 8
    static let dictionaryWorth = 4
    /// Values that are taken as samples of one checkpoint, how many are kept, and how many bytes of each.
    static let checkpointSamples = 128
    static let samples = 256
    static let sampleBytes = 1024
    /// Changes in a run of the overlay from which on they are sorted byte by byte.
    static let radixEntries = 1024
    /// Changes in a run of the overlay that writers merge, which takes about a millisecond; larger ones the checkpoint does.
    static let mergedEntries = 65_536
    /// Batches that a merged run of the overlay holds for each of its keys, on average; those that it has no more need of it
    /// lets go before there are more.
    static let batchesPerKey = 2
    /// Runs of the overlay that are left side by side when a store is opened.
    static let unmergedRuns = 4
    /// Frames of the journal that one thread decodes at least, when a store is opened.
    static let framesPerThread = 16
    /// The blocks in which the journal is written past the page cache. No disk's are larger.
    static let directBlockBytes = 4096
    /// The most of them that one such write has, in bytes; larger frames go through the page cache.
    static let directBytes = 1 << 20
    /// How many times as long as the longest so far a new segment of the journal is made, while that is allowed.
    static let segmentGrowth = 8
    /// Decoded blocks kept for readers that walk version chains or replay the same range, and their raw bytes, unless it is
    /// but one.
    static let cachedBlocks = 32
    static let cachedBytes = 32 << 20
    /// Blocks that may be decoded at the same moment, if their numbers do not collide.
    static let decodingTurns = 8
    /// Records that one step of a replay examines before it gives its read transaction back.
    static let replayRecords = 4096
    /// Raw bytes that one step of a replay decodes, at least one block.
    static let replayBytes = 1 << 20
    /// Cost units, each what it takes to scan one record, that a replay spends on trying version chains before it scans
    /// instead: this part of what the scan would cost, within these bounds.
    static let chainShare = 16
    static let chainUnits = 512...65_536
    /// Cost units of fetching a revision whose block is decoded already; if it is not, each of its records costs one.
    static let fetchUnits = 4
    /// Keys that one page of a range looks at, and bytes of keys and values that it collects.
    static let pageKeys = 8192
    static let pageBytes = 4 << 20
    /// Records that one step of a compaction examines in its write transaction.
    static let compactionRecords = 4096
    /// A retention compacts when one of its bounds is exceeded by this part of it, so that not every checkpoint brings a
    /// compaction with it.
    static let retentionSlack = 16
    /// Blocks that one look for what a retention no longer wants walks over.
    static let retentionBlocks = 256
    /// The time between two looks for what has become too old while nothing is written, in seconds: `retentionSlack` of
    /// the age, within these bounds.
    static let retentionSeconds = 0.01...60.0
    /// The longest age that a retention may have, 10 000 years.
    static let longestAge = Duration.seconds(10_000 * 366 * 86_400)
    /// LZ4's level for what is written in the background. On JSON-like changes it makes 0.216 of the raw size at 200 MB/s,
    /// where the fast way makes 0.260 at 1200 MB/s and level 9 0.210 at 90 MB/s.
    static let denseLevel: Int32 = 3
    /// Bytes that a change which waits for a checkpoint counts for beside its own: more than in memory, where it has entries
    /// in a batch (48), in the overlay (16 to 32) and among the newest versions (56 to 72), and less than in opening after a
    /// crash, where it takes as long as some 500 bytes of a value. `LogOptions.checkpointBytes` names it.
    static let changeOverhead = 300
    /// Raw bytes that a checkpoint moves when there is little to do, which is some 2 MiB for each second of its interval: its
    /// blocks are made dense at once, and sealing goes on after it.
    static let quietBytes = 12 << 20
    /// Keys that a checkpoint writes before others may have its core, some ten microseconds.
    static let keysPerYield = 8
    /// When no more than this part of the room that a checkpoint leaves is left, others get its core no more.
    static let unyieldingShare = 4
    /// This part of the room that a checkpoint leaves may be filled at any speed while it is under way.
    static let unpacedShare = 4
    /// Bytes a second that the first checkpoint is expected to move, counted as `LogOptions.pendingBytes` counts.
    static let assumedCheckpointRate = Double(100 << 20)
    /// What a checkpoint is expected to take, by what the ones before took: it finds a larger store.
    static let checkpointGrowth = 1.25
    /// A block that is full is written again, denser, if that saves this percentage of it.
    static let densePercent = 10
    /// Raw bytes and records that one step of sealing reads before it commits, at least one block; a larger one is left as it
    /// is.
    static let sealingBytes = 1 << 20
    static let sealingRecords = 16_384
    /// For how many times as long as a step took sealing rests after it, while somebody writes.
    static let sealingRest = 3
    /// Bytes of a cursor's name.
    static let cursorNameBytes = 1...255
    /// Cursors in a store, so that all of them can be looked at in one transaction.
    static let cursors = 1000
    /// Leases in a store.
    static let leases = 1 << 20
    /// Bytes of a property's name, and of its value.
    static let propertyNameBytes = 1...storedKeyBytes
    static let propertyBytes = 1 << 20
    /// Problems that a check reports before it stops.
    static let reportedProblems = 100
    /// Attempts to take a snapshot anew when a compaction overtakes a read, before the error is passed on.
    static let snapshotAttempts = 8
    /// Frames that a follower takes over before it publishes them.
    static let followedFrames = 256
    /// A follower looks at the head at least this often, should a notification get lost.
    static let followMilliseconds = 250
    /// Looks at LMDB and the journal before a follower that lost its place gives up.
    static let followAttempts = 100
    /// The time between looks where the system cannot notify of changed files.
    static let pollMilliseconds = 10
    /// Raw bytes after which a chunk of a backup is closed.
    static let backupChunkBytes = 256 << 10
    /// Raw bytes of chunks that a restore writes in one transaction.
    static let restoreStepBytes = 8 << 20
    /// Entries after which long work says how far it is.
    static let progressEntries: Int64 = 1000
    /// Keys that a recovery names whose value could not be established.
    static let reportedKeys = 1000
}
