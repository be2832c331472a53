public import Changes

/// How a stretch of revisions is stored.
public struct StoredBlock: Sendable, Hashable {
    public enum Place: String, Sendable, Hashable {
        /// A compressed block in LMDB.
        case log
        /// A frame in the journal, not yet checkpointed.
        case journal
    }

    /// How the payload is written.
    public enum Codec: UInt8, Sendable, Hashable {
        case raw = 0
        case lz4 = 1
    }

    public var place: Place
    public var firstRevision: Revision
    public var recordCount: Int
    public var codec: Codec
    /// Bytes before compression.
    public var rawBytes: Int
    /// Bytes after compression, without the header.
    public var storedBytes: Int

    public var lastRevision: Revision { firstRevision + Int64(recordCount) - 1 }

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
