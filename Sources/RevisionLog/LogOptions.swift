/// Sizes and rhythms of a store. The defaults suit most; tests use tiny ones.
public struct LogOptions: Sendable, Hashable {
    /// Bytes in a key.
    public static let keyBytes = 1...4096
    /// Seconds that a lease can be granted for; etcd's upper bound.
    public static let leaseSeconds: ClosedRange<Int64> = 1...9_000_000_000

    /// Bytes of commits that start a checkpoint. Each change counts 300 bytes more than it has: it takes some 150 in memory
    /// beside them, and in an opening after a crash as much time as 500 bytes of a value do.
    public var checkpointBytes = 96 << 20
    /// Time after which a commit is checkpointed even if there is little.
    public var checkpointInterval: Duration = .seconds(5)
    /// Time after which the acknowledgement of a cursor is written, if no checkpoint has taken it along before. At least
    /// 10 ms: each such write is flushed.
    public var cursorInterval: Duration = .seconds(1)
    /// Bytes of commits not yet in LMDB, counted in the same way, beyond which writers wait for the checkpointer. While a
    /// checkpoint is under way each waits a little before, so that it does not come to that.
    public var pendingBytes = 192 << 20
    /// Memory for the newest version of keys that were written lately, about, so that the next write of such a key need not
    /// look it up in LMDB, nor the first write of any key while all keys since the store was empty are among them:
    /// 56 to 72 bytes for each and its key, taken as keys are written, and up to as much again in reserve. What LMDB does
    /// not have yet is kept whatever this says.
    public var versionCacheBytes = 160 << 20
    /// Bytes of values after which the next checkpoint looks whether a dictionary, made of some of them, would make what is
    /// kept of each key smaller. `Int.max` for never; dictionaries that the store has are used all the same. A dictionary
    /// stays, and with it the values it was made of, also when these are compacted.
    public var dictionaryLookBytes = 32 << 10
    /// Bytes of the longest journal segments; a multiple of 4096, at least 64 KiB, and more than `transactionBytes`. Only a
    /// transaction that deletes so many keys that it finds no room in one gets one of its own.
    public var segmentBytes = 8 << 20
    /// Bytes of the first journal segment, if that is less; a multiple of 4096, at least 4096. Each that is made when those
    /// there are do not suffice is eight times as long as the longest before, up to `segmentBytes`. Closing the store leaves
    /// only the first.
    public var firstSegmentBytes = 64 << 10
    /// How many segments there may be at most; at least 2.
    public var segments = 28
    /// Bytes of the keys and values that one transaction puts.
    public var transactionBytes = 1_572_864
    /// Bytes of the keys that one transaction deletes. While it is written, several times as much memory is taken; and those
    /// who watch the keys, or read on from before it, have all of them in memory at a time.
    public var deletedBytes = 1 << 30
    /// Changes in one transaction, most of which can only be deletes.
    public var transactionChanges = 2 << 20
    /// Bytes of address space for LMDB to begin with; it grows by itself.
    public var mapBytes = 16 << 30
    /// How much history is kept, by the process that has the store open for writing; everything, unless this says less.
    /// It is not noted in the store: each opening for writing says it anew.
    public var retention = Retention()

    /// The defaults.
    public init() {}

    /// Checks the fields against each other.
    func validate() throws(StoreError) {
        func require(_ holds: Bool, _ message: String) throws(StoreError) {
            if !holds { throw StoreError(.invalidArgument, message) }
        }
        try require(checkpointBytes > 0, "checkpointBytes is \(checkpointBytes); it must be positive")
        try require(checkpointInterval > .zero, "checkpointInterval is \(checkpointInterval); it must be positive")
        try require(
            cursorInterval >= .milliseconds(10), "cursorInterval is \(cursorInterval); it must be at least 10 ms")
        try require(
            pendingBytes >= checkpointBytes, "pendingBytes is \(pendingBytes), less than checkpointBytes")
        try require(dictionaryLookBytes > 0, "dictionaryLookBytes is \(dictionaryLookBytes); it must be positive")
        try require(versionCacheBytes >= 0, "versionCacheBytes is \(versionCacheBytes); it must not be negative")
        try require(
            segmentBytes >= 64 << 10 && segmentBytes % 4096 == 0,
            "segmentBytes is \(segmentBytes); it must be a multiple of 4096 and at least 65536")
        try require(
            firstSegmentBytes >= 4096 && firstSegmentBytes % 4096 == 0,
            "firstSegmentBytes is \(firstSegmentBytes); it must be a multiple of 4096 and at least 4096")
        try require(segments >= 2, "segments is \(segments); it must be at least 2")
        try require(
            transactionBytes > 0 && transactionBytes < segmentBytes - segmentBytes / 4,
            "transactionBytes is \(transactionBytes); it must be below three quarters of segmentBytes (\(segmentBytes))"
        )
        try require(transactionChanges > 0, "transactionChanges is \(transactionChanges); it must be positive")
        try require(deletedBytes >= 0, "deletedBytes is \(deletedBytes); it must not be negative")
        let largest = Limits.recordBytes
        try require(
            transactionBytes <= largest && deletedBytes <= largest && transactionChanges <= largest
                && transactionBytes + deletedBytes + transactionChanges * Limits.changeBytes <= largest,
            "transactionBytes (\(transactionBytes)), deletedBytes (\(deletedBytes)) and \(Limits.changeBytes) for each of "
                + "transactionChanges (\(transactionChanges)) are more than \(largest), the most that one revision may have"
        )
        try require(mapBytes >= 1 << 20, "mapBytes is \(mapBytes); it must be at least 1 MiB")
        try retention.validate()
    }
}
