public import Changes

/// How a stretch of revisions is stored.
public struct StoredBlock: Sendable, Hashable {
    /// Where it is.
    public enum Place: String, Sendable, Hashable {
        /// A compressed block in LMDB.
        case log
        /// A frame in the journal, not yet checkpointed.
        case journal
    }

    /// How the payload is written.
    public enum Codec: UInt8, Sendable, Hashable {
        /// As it is.
        case raw = 0
        /// As an LZ4 block.
        case lz4 = 1
    }

    /// Where it is.
    public var place: Place
    /// The first revision in it.
    public var firstRevision: Revision
    /// How many revisions are in it.
    public var recordCount: Int
    /// How its payload is written.
    public var codec: Codec
    /// Bytes before compression.
    public var rawBytes: Int
    /// Bytes after compression, without the header.
    public var storedBytes: Int

    /// The last revision in it.
    public var lastRevision: Revision { firstRevision + Int64(recordCount) - 1 }

    /// A stretch of `recordCount` revisions.
    public init(
        place: Place, firstRevision: Revision, recordCount: Int, codec: Codec, rawBytes: Int, storedBytes: Int
    ) {
        self.place = place
        self.firstRevision = firstRevision
        self.recordCount = recordCount
        self.codec = codec
        self.rawBytes = rawBytes
        self.storedBytes = storedBytes
    }
}
