import Changes

// A backup: one file with a whole store at one revision, readable on any machine. All numbers little-endian.
//
//     head
//     offset  size
//      0      8     "VIGILBAK"
//      8      4     format version, 4
//     12      4     CRC-32C of bytes 0–11 and 16–63
//     16      8     id of the store that was backed up
//     24      8     head: the newest revision
//     32      8     compacted, as in the meta entry of the store (Meta.swift)
//     40      8     dropped, likewise
//     48      8     time of the backup, milliseconds since 1970 (signed)
//     56      8     0
//
//     then chunks, each of them
//     offset  size
//      0      1     kind: 0 dictionaries, 1 log, 2 state, 3 base, 4 cursors, 5 leases, 6 properties, 255 end
//      1      1     codec of the payload: 0 raw, 1 LZ4 block
//      2      2     0
//      4      4     number of entries
//      8      4     length of the payload before compression
//     12      4     length of the payload as stored
//     16      4     CRC-32C of: the checksum before this one (4 bytes; the head's for the first), bytes 0–15, payload
//     20      …     payload
//
// A payload is a series of entries of the database of that name: key length (varint), key, value length (varint), value,
// as the store has them (Block.swift, KeyVersion.swift, CursorEntry.swift, LeaseEntry.swift, Properties.swift,
// ValueDictionary.swift). Kinds come in the order of their numbers, and keys in order within a kind. Chunks of `log` are
// never compressed, since blocks are already. What the store has in its journal only is in the backup as blocks, and applied
// to `state` and `base`, as a checkpoint would have done.
//
// The last chunk is the end. Its payload is seven numbers of 8 bytes: entries of log, state, base, cursors, leases,
// properties and dictionaries. Which keys a lease holds is not in the backup, since `state` says so. Nothing follows the end;
// except that a backup which a server has sent has zeros behind it, up to a multiple of 512 bytes, and a digest of 32 bytes,
// which are for the clients of etcd (SnapshotCall.swift in VigilServer) and not looked at here.
//
// Format version 3 had no dictionaries, and six numbers at its end. Format version 2 had no keys of more than 511 bytes and no
// compressed values either. Format version 1 had no leases and properties either, and four numbers at its end.
//
// Since each checksum covers the one before, the last one vouches for the whole file: no chunk can be missing, doubled,
// out of place or of another backup.

enum BackupFormat {
    static let magic = Array("VIGILBAK".utf8)
    static let format: UInt32 = 4
    /// How many numbers stand at the end, by format version.
    static let counts: [UInt32: Int] = [1: 4, 2: 6, 3: 6, 4: 7]
    static let headBytes = 64
    static let chunkHeadBytes = 20
    static let pageBytes = 512
    static let digestBytes = 32

    /// What a chunk holds entries of.
    enum Kind: UInt8, CaseIterable {
        case dictionaries = 0
        case log = 1
        case state = 2
        case base = 3
        case cursors = 4
        case leases = 5
        case properties = 6
        case end = 255
    }

    /// What the backup as a whole says.
    struct Head {
        var storeID: UInt64
        var head: Revision
        var compacted: Revision
        var dropped: Revision
        var milliseconds: Int64
        private(set) var format = BackupFormat.format

        init(_ meta: Meta, head: Revision, milliseconds: Int64) {
            storeID = meta.storeID
            self.head = head
            compacted = meta.compacted
            dropped = meta.dropped
            self.milliseconds = milliseconds
        }

        /// The head's bytes, and their checksum.
        func encoded() -> (bytes: [UInt8], checksum: UInt32) {
            var bytes = BackupFormat.magic
            bytes.appendLittleEndian(format)
            bytes.appendLittleEndian(UInt32(0))
            bytes.appendLittleEndian(storeID)
            for number in [head, compacted, dropped, milliseconds, 0] { bytes.appendLittleEndian(number) }
            let checksum = bytes.withUnsafeBytes { Self.checksum($0) }
            withUnsafeBytes(of: checksum.littleEndian) { bytes.replaceSubrange(12..<16, with: $0) }
            return (bytes, checksum)
        }

        init(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
            guard bytes.count == BackupFormat.headBytes, bytes[..<8].elementsEqual(BackupFormat.magic) else {
                throw StoreError(.notAStore, "the file is not a backup of a Vigil store")
            }
            format = bytes.littleEndian(8, as: UInt32.self)
            guard Self.checksum(bytes) == bytes.littleEndian(12, as: UInt32.self) else {
                throw StoreError(.damaged, "the backup's head does not match its checksum; use another backup")
            }
            guard (1...BackupFormat.format).contains(format) else {
                throw StoreError(
                    .unsupportedFormat,
                    "the backup has format version \(format); this library knows up to \(BackupFormat.format): use a newer one"
                )
            }
            storeID = bytes.littleEndian(16, as: UInt64.self)
            head = bytes.littleEndian(24, as: Int64.self)
            compacted = bytes.littleEndian(32, as: Int64.self)
            dropped = bytes.littleEndian(40, as: Int64.self)
            milliseconds = bytes.littleEndian(48, as: Int64.self)
            guard head >= 0, head < .max, compacted >= 0, compacted <= head, dropped >= 1, dropped <= max(1, compacted)
            else { throw StoreError(.damaged, "the backup's head contradicts itself; use another backup") }
        }

        var checksum: UInt32 { encoded().checksum }

        /// The same in the newest format.
        var upgraded: Head {
            var head = self
            head.format = BackupFormat.format
            return head
        }

        private static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
            var checksum = Checksum()
            checksum.add(UnsafeRawBufferPointer(rebasing: bytes[..<12]))
            checksum.add(UnsafeRawBufferPointer(rebasing: bytes[16...]))
            return checksum.value
        }
    }

    /// What stands before a payload.
    struct ChunkHead {
        var kind: Kind
        var codec: StoredBlock.Codec
        var entries: Int
        var rawLength: Int
        var storedLength: Int
        var checksum: UInt32

        /// Reads it; the checksum has yet to be compared.
        init(_ bytes: UnsafeRawBufferPointer) throws(Malformed) {
            guard bytes.count == chunkHeadBytes else { throw Malformed("the file ends early") }
            guard let kind = Kind(rawValue: bytes[0]) else { throw Malformed("unknown kind \(bytes[0])") }
            guard let codec = StoredBlock.Codec(rawValue: bytes[1]) else {
                throw Malformed("unknown codec \(bytes[1])")
            }
            self.kind = kind
            self.codec = codec
            entries = Int(bytes.littleEndian(4, as: UInt32.self))
            rawLength = Int(bytes.littleEndian(8, as: UInt32.self))
            storedLength = Int(bytes.littleEndian(12, as: UInt32.self))
            checksum = bytes.littleEndian(16, as: UInt32.self)
        }
    }

    /// The checksum of a chunk after one whose checksum is `before`.
    static func checksum(
        after before: UInt32, _ head: UnsafeRawBufferPointer, _ payload: UnsafeRawBufferPointer
    ) -> UInt32 {
        var checksum = Checksum()
        checksum.add(before)
        checksum.add(head)
        checksum.add(payload)
        return checksum.value
    }
}
