import Changes

// The entry of the database `meta` under the key "store": what is true of LMDB's contents as a whole. It is rewritten by
// every transaction that moves one of its numbers. Beside it are copies of the dictionaries (ValueDictionary.swift). All
// numbers little-endian.
//
//     offset  size
//      0      8     "VIGIL\0\0\0"
//      8      4     format version of the store
//     12      4     CRC-32C of the other bytes (0–11, 16 to the end)
//     16      8     store id, random
//     24      8     checkpoint: everything up to this revision is in LMDB
//     32      8     compacted: reads and watches begin at this revision; 0 = never compacted
//     40      8     dropped: records below this revision were removed from the log (≤ compacted)
//     48      8     keys that exist
//     56      8     blocks in the log
//     64      8     bytes of these blocks
//     72      8     bytes of their payloads before compression
//     80      8     sealed: the first revision of a block; those before it are as large as they get (LogWriter+Sealing.swift)
//     88      8     keys that are attached to leases, as many as the database `leased` names (LeaseIndex.swift)
//     96      8     closed: the epoch of the journal when the store was last closed in good order, everything in LMDB; 0 if
//                   that is not known (Journal.swift)
//
// Format version 4 has no dictionaries. Format version 3 has no database `long` (LongRow.swift) either, and so no keys of more
// than 511 bytes, nor compressed values in `state` and `base` (KeyVersion.swift). Format version 2 has no databases `leases`,
// `leased` and `properties` either, and ends before the last two numbers. Format version 1 ends before `sealed`, and is read
// as if nothing were; it has no database `cursors`. All become version 5 when they are opened for writing.

/// What is true of the contents of LMDB as a whole.
struct Meta: Equatable {
    static let format: UInt32 = 5
    static let key = Array("store".utf8)
    private static let magic = Array("VIGIL\0\0\0".utf8)
    private static let lengths: [UInt32: Int] = [1: 80, 2: 88, 3: 104, 4: 104, 5: 104]

    var storeID: UInt64
    var checkpoint: Revision = 0
    var compacted: Revision = 0
    var dropped: Revision = 1
    var keys: Int64 = 0
    var blocks: Int64 = 0
    var logBytes: Int64 = 0
    var logRawBytes: Int64 = 0
    var sealed: Revision = 1
    var leasedKeys: Int64 = 0
    var closedEpoch: UInt64 = 0
    /// The version that it was read as.
    private(set) var format = Meta.format

    init(storeID: UInt64) {
        self.storeID = storeID
    }

    /// Whether there is a database for keys that LMDB does not take.
    var hasLongKeys: Bool { format >= 4 }

    /// The oldest revision that a read or a watch may start from.
    var earliest: Revision { max(1, compacted) }

    init(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
        guard bytes.count >= 16, Array(bytes[..<8]) == Meta.magic else {
            throw StoreError(.notAStore, "the database is not a Vigil store: its meta entry is of another kind")
        }
        let format = bytes.littleEndian(8, as: UInt32.self)
        guard format <= Meta.format else {
            throw StoreError(
                .unsupportedFormat,
                "the store has format version \(format); this library knows up to \(Meta.format): use a newer one")
        }
        guard let length = Meta.lengths[format], bytes.count == length,
            bytes.littleEndian(12, as: UInt32.self) == Meta.checksum(bytes)
        else {
            throw StoreError(.damaged, "the store's meta entry does not match its checksum")
        }
        storeID = bytes.littleEndian(16, as: UInt64.self)
        checkpoint = bytes.littleEndian(24, as: Int64.self)
        compacted = bytes.littleEndian(32, as: Int64.self)
        dropped = bytes.littleEndian(40, as: Int64.self)
        keys = bytes.littleEndian(48, as: Int64.self)
        blocks = bytes.littleEndian(56, as: Int64.self)
        logBytes = bytes.littleEndian(64, as: Int64.self)
        logRawBytes = bytes.littleEndian(72, as: Int64.self)
        if format >= 2 { sealed = bytes.littleEndian(80, as: Int64.self) }
        if format >= 3 {
            leasedKeys = bytes.littleEndian(88, as: Int64.self)
            closedEpoch = bytes.littleEndian(96, as: UInt64.self)
        }
        self.format = format
    }

    /// The same in the newest format.
    var upgraded: Meta {
        var meta = self
        meta.format = Meta.format
        return meta
    }

    func encoded() -> [UInt8] {
        var bytes = Meta.magic
        bytes.appendLittleEndian(Meta.format)
        bytes.appendLittleEndian(UInt32(0))
        bytes.appendLittleEndian(storeID)
        for number in [checkpoint, compacted, dropped, keys, blocks, logBytes, logRawBytes, sealed, leasedKeys] {
            bytes.appendLittleEndian(number)
        }
        bytes.appendLittleEndian(closedEpoch)
        let checksum = bytes.withUnsafeBytes { Meta.checksum($0) }
        withUnsafeBytes(of: checksum.littleEndian) { sum in
            for (index, byte) in sum.enumerated() { bytes[12 + index] = byte }
        }
        return bytes
    }

    private static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var checksum = Checksum()
        checksum.add(UnsafeRawBufferPointer(rebasing: bytes[..<12]))
        checksum.add(UnsafeRawBufferPointer(rebasing: bytes[16...]))
        return checksum.value
    }
}
