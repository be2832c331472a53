import CCRC32C
import Changes

// A frame of the journal: one group of commits, written by one call. It starts at a multiple of 8 bytes. All numbers are
// little-endian.
//
//   offset  bytes
//        0  4      magic: "VIGJ"
//        4  1      kind: 1 = batch
//        5  1      codec of the payload: 0 = raw, 1 = LZ4
//        6  2      0
//        8  8      epoch: which use of the segment wrote it
//       16  4      length of the payload as it is stored
//       20  4      length of the payload before compression; the same if the codec is raw
//       24  8      revision of the first record
//       32  4      number of records, at least 1; their revisions are consecutive
//       36  4      tag of the store: low bits of its id
//       40  8      through which revision the journal was flushed when the frame was written; less than the first revision
//       48  8      time of the commit, milliseconds since 1970 (UTC)
//       56  4      CRC-32C of bytes 0 to 55 and the payload
//       60  4      0
//       64  …      payload, then zeros up to a multiple of 8
//
// Bytes that differ from this in any way are not a frame: also the zeros are checked, so that no flipped bit goes unseen.

/// What a frame says of itself.
struct FrameHeader: Sendable, Hashable {
    var codec: UInt8
    /// Filled in by the journal, like `storedBytes`, `storeTag` and `flushedThrough`.
    var epoch: UInt64 = 0
    var storedBytes = 0
    var rawBytes: Int
    var firstRevision: Revision
    var recordCount: Int
    var storeTag: UInt32 = 0
    var flushedThrough: Revision = 0
    var milliseconds: Int64

    /// What the caller of ``Journal/append(_:_:)`` knows.
    init(codec: UInt8, rawBytes: Int, firstRevision: Revision, recordCount: Int, milliseconds: Int64) {
        self.codec = codec
        self.rawBytes = rawBytes
        self.firstRevision = firstRevision
        self.recordCount = recordCount
        self.milliseconds = milliseconds
    }

    var lastRevision: Revision { firstRevision + Int64(recordCount) - 1 }
    /// The length of the whole frame, in bytes.
    var frameBytes: Int { Frame.byteCount(payload: storedBytes) }
}

enum Frame {
    static let magic: UInt32 = 0x4A47_4956
    static let kindBatch: UInt8 = 1
    static let headerBytes = 64

    /// The length of a frame with a payload of `payload` bytes.
    static func byteCount(payload: Int) -> Int { (headerBytes + payload + 7) & ~7 }

    /// What stands at a place in a segment.
    enum Parsed {
        /// A valid frame with its payload.
        case frame(FrameHeader, UnsafeRawBufferPointer)
        /// A valid frame of another store.
        case foreign(FrameHeader)
        /// Anything else: zeros, a torn or damaged frame, the middle of one.
        case none
    }

    /// Writes a frame to `target`, which is exactly as long as the frame.
    static func write(
        _ header: FrameHeader, _ payload: UnsafeRawBufferPointer, to target: UnsafeMutableRawBufferPointer
    ) {
        precondition(target.count == header.frameBytes && payload.count == header.storedBytes, "wrong frame length")
        func put<T: FixedWidthInteger & BitwiseCopyable>(_ value: T, _ offset: Int) {
            target.storeBytes(of: value.littleEndian, toByteOffset: offset, as: T.self)
        }
        put(magic, 0)
        put(kindBatch, 4)
        put(header.codec, 5)
        put(UInt16(0), 6)
        put(header.epoch, 8)
        put(UInt32(header.storedBytes), 16)
        put(UInt32(header.rawBytes), 20)
        put(header.firstRevision, 24)
        put(UInt32(header.recordCount), 32)
        put(header.storeTag, 36)
        put(header.flushedThrough, 40)
        put(header.milliseconds, 48)
        put(checksum(UnsafeRawBufferPointer(target), payload), 56)
        put(UInt32(0), 60)
        let end = headerBytes + payload.count
        UnsafeMutableRawBufferPointer(rebasing: target[headerBytes..<end]).copyMemory(from: payload)
        for offset in end..<target.count { target[offset] = 0 }
    }

    /// Reads what stands at `offset` in `bytes`, checking all of it.
    static func parse(_ bytes: UnsafeRawBufferPointer, at offset: Int, storeTag: UInt32) -> Parsed {
        guard offset + headerBytes <= bytes.count else { return .none }
        let frame = UnsafeRawBufferPointer(rebasing: bytes[offset...])
        guard let header = header(frame), header.frameBytes <= frame.count else { return .none }
        let end = headerBytes + header.storedBytes
        let payload = UnsafeRawBufferPointer(rebasing: frame[headerBytes..<end])
        guard load(frame, 56, UInt32.self) == checksum(frame, payload),
            frame[end..<header.frameBytes].allSatisfy({ $0 == 0 })
        else { return .none }
        return header.storeTag == storeTag ? .frame(header, payload) : .foreign(header)
    }

    /// The header at the start of `frame`, at least 64 bytes, if it can be one; the checksum is not looked at.
    static func header(_ frame: UnsafeRawBufferPointer) -> FrameHeader? {
        guard load(frame, 0, UInt32.self) == magic, frame[4] == kindBatch, frame[5] <= 1,
            load(frame, 6, UInt16.self) == 0, load(frame, 60, UInt32.self) == 0
        else { return nil }
        var header = FrameHeader(
            codec: frame[5], rawBytes: Int(load(frame, 20, UInt32.self)), firstRevision: load(frame, 24, Int64.self),
            recordCount: Int(load(frame, 32, UInt32.self)), milliseconds: load(frame, 48, Int64.self))
        header.epoch = load(frame, 8, UInt64.self)
        header.storedBytes = Int(load(frame, 16, UInt32.self))
        header.storeTag = load(frame, 36, UInt32.self)
        header.flushedThrough = load(frame, 40, Int64.self)
        guard header.epoch > 0, header.epoch < JournalLimits.epochs, header.rawBytes <= JournalLimits.rawBytes,
            header.codec != 0 || header.rawBytes == header.storedBytes, header.recordCount >= 1,
            header.firstRevision >= 1, header.firstRevision < Int64.max - Int64(UInt32.max),
            (0..<header.firstRevision).contains(header.flushedThrough)
        else { return nil }
        return header
    }

    private static func checksum(_ frame: UnsafeRawBufferPointer, _ payload: UnsafeRawBufferPointer) -> UInt32 {
        vigil_crc32c(vigil_crc32c(0, frame.baseAddress, 56), payload.baseAddress, payload.count)
    }

    static func load<T: FixedWidthInteger & BitwiseCopyable>(
        _ bytes: UnsafeRawBufferPointer, _ offset: Int, _ type: T.Type
    ) -> T {
        T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
    }
}
