public import Changes

/// How to write a backup.
public struct BackupOptions: Sendable {
    /// Whether what keys hold is compressed. The log is in any case, as in the store.
    public var compresses = true

    /// Compressed.
    public init() {}
}

/// What is in a backup that was written, or in a store that was made of one.
public struct BackupReport: Sendable, Hashable {
    /// The backup's file.
    public var path: String
    /// The newest revision.
    public var head: Revision
    /// The oldest revision that a read or a watch may start from.
    public var earliest: Revision
    /// Revisions in the log.
    public var revisions: Int
    /// Keys that exist at the head.
    public var keys: Int
    /// Bytes of the file.
    public var bytes: Int
    /// When the backup was made, in milliseconds since 1970 (UTC).
    public var milliseconds: Int64
    /// The store that was backed up.
    public var storeID: UInt64
    /// Bytes by which the data file of the store grew while it was backed up, since what is replaced meanwhile cannot be
    /// reused before the end; 0 for a restored one.
    public var grownBytes = 0

    init(_ file: BackupFile, _ reader: BackupReader) {
        path = file.path
        head = reader.head.head
        earliest = max(1, reader.head.compacted)
        revisions = Int(reader.contents.revisions)
        keys = Int(reader.contents.meta.keys)
        bytes = file.length
        milliseconds = reader.head.milliseconds
        storeID = reader.head.storeID
    }
}
