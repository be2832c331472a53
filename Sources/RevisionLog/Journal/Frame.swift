import Changes

// A frame of the journal: one group of commits. It begins at a multiple of 8 in its segment. All numbers
// little-endian.
//
//     offset  size
//      0      4     magic, "VJF1"
//      4      1     kind, 1 = batch
//      5      1     codec of the payload: 0 raw, 1 LZ4 block
//      6      2     0
//      8      8     epoch: grows with each use of a segment and each opening of the journal
//     16      4     length of the payload as stored
//     20      4     length of the payload before compression
//     24      8     first revision
//     32      4     number of records
//     36      4     store tag: the low half of the store's id
//     40      8     the revision through which the journal was flushed when this frame was written
//     48      8     commit time, milliseconds since 1970 (signed)
//     56      4     0
//     60      4     CRC-32C of bytes 0–59 and the payload
//     64      …     payload: records (RecordCodec.swift), zeros up to a multiple of 8
//
// Inside a segment epochs never decrease, so a frame that an earlier use of the segment left behind ends the valid
// run, and a frame that was overtaken by a torn tail is never taken for a new one: what is written after an opening
// has a higher epoch than anything found by it.

/// What a frame says of its payload.
struct FrameHeader: Sendable, Hashable {
    static let length = 64
    private static let magic: UInt32 = 0x3146_4A56
    private static let batch: UInt8 = 1

    var codec: UInt8
    var rawLength: Int
    var firstRevision: Revision
    var recordCount: Int
    var milliseconds: Int64
    // The journal fills these in.
    var epoch: UInt64 = 0
    var storeTag: UInt32 = 0
    var flushedThrough: Revision = 0

    var lastRevision: Revision { firstRevision + Int64(recordCount) - 1 }

    init(codec: UInt8, rawLength: Int, firstRevision: Revision, recordCount: Int, milliseconds: Int64) {
        self.codec = codec
        self.rawLength = rawLength
        self.firstRevision = firstRevision
        self.recordCount = recordCount
        self.milliseconds = milliseconds
    }

    /// Bytes that a frame with a payload of `payloadLength` takes in its segment.
    static func frameLength(_ payloadLength: Int) -> Int {
        (length + payloadLength + 7) & ~7
    }

    /// Writes the whole frame into `buffer`, replacing what it had.
    func write(_ payload: [UInt8], into buffer: inout [UInt8]) {
        buffer.removeAll(keepingCapacity: true)
        buffer.appendLittleEndian(Self.magic)
        buffer.append(contentsOf: [Self.batch, codec, 0, 0])
        buffer.appendLittleEndian(epoch)
        buffer.appendLittleEndian(UInt32(payload.count))
        buffer.appendLittleEndian(UInt32(rawLength))
        buffer.appendLittleEndian(firstRevision)
        buffer.appendLittleEndian(UInt32(recordCount))
        buffer.appendLittleEndian(storeTag)
        buffer.appendLittleEndian(flushedThrough)
        buffer.appendLittleEndian(milliseconds)
        buffer.appendLittleEndian(UInt32(0))
        var checksum = Checksum()
        buffer.withUnsafeBytes { checksum.add($0) }
        payload.withUnsafeBytes { checksum.add($0) }
        buffer.appendLittleEndian(checksum.value)
        buffer.append(contentsOf: payload)
        while buffer.count % 8 != 0 { buffer.append(0) }
    }

    /// The frame at the start of `bytes`, verified, and where its payload lies; nil if there is no whole, valid frame.
    static func read(_ bytes: UnsafeRawBufferPointer) -> (header: FrameHeader, payload: Range<Int>)? {
        guard bytes.count >= length, bytes.littleEndian(0, as: UInt32.self) == magic, bytes[4] == batch else {
            return nil
        }
        let stored = Int(bytes.littleEndian(16, as: UInt32.self))
        guard stored <= bytes.count - length else { return nil }
        var checksum = Checksum()
        checksum.add(UnsafeRawBufferPointer(rebasing: bytes[..<60]))
        checksum.add(UnsafeRawBufferPointer(rebasing: bytes[length..<length + stored]))
        guard checksum.value == bytes.littleEndian(60, as: UInt32.self) else { return nil }
        var header = FrameHeader(
            codec: bytes[5], rawLength: Int(bytes.littleEndian(20, as: UInt32.self)),
            firstRevision: bytes.littleEndian(24, as: Int64.self),
            recordCount: Int(bytes.littleEndian(32, as: UInt32.self)),
            milliseconds: bytes.littleEndian(48, as: Int64.self))
        header.epoch = bytes.littleEndian(8, as: UInt64.self)
        header.storeTag = bytes.littleEndian(36, as: UInt32.self)
        header.flushedThrough = bytes.littleEndian(40, as: Int64.self)
        // The last of the revisions, and the one after it, must be numbers too.
        guard header.recordCount >= 1, header.firstRevision >= 1,
            header.firstRevision <= Revision.max - Revision(header.recordCount)
        else { return nil }
        return (header, length..<length + stored)
    }

    /// How long the frame claims to be whose header `bytes` are; nil if they are none of a frame, with `firstRevision` if
    /// that is given.
    static func claimedLength(_ bytes: UnsafeRawBufferPointer, firstRevision: Revision? = nil) -> Int? {
        guard bytes.count >= length, bytes.littleEndian(0, as: UInt32.self) == magic,
            firstRevision == nil || bytes.littleEndian(24, as: Int64.self) == firstRevision
        else { return nil }
        return frameLength(Int(bytes.littleEndian(16, as: UInt32.self)))
    }

    /// The epoch that the frame claims to have whose header `bytes` are; 0 if they are none of a frame.
    static func claimedEpoch(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        claimedLength(bytes) == nil ? 0 : bytes.littleEndian(8, as: UInt64.self)
    }

    /// The first multiple of 8, from `offset` on, where `bytes` have what a frame begins with.
    static func nextMagic(_ bytes: UnsafeRawBufferPointer, from offset: Int) -> Int? {
        // Over pointers and not a collection, since this walks whole segments in tests without optimisation too.
        guard let base = bytes.baseAddress else { return nil }
        var position = offset
        while position + length <= bytes.count {
            if base.load(fromByteOffset: position, as: UInt32.self) == magic.littleEndian { return position }
            position += 8
        }
        return nil
    }
}
