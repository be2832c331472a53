import Changes

// A block: what the database `log` holds under the block's first revision (8 bytes, big-endian). All numbers
// little-endian.
//
//     offset  size
//      0      1     format, 1
//      1      1     codec: 0 raw, 1 LZ4 block
//      2      2     0
//      4      4     number of records
//      8      4     number of changes
//     12      4     length of the payload before compression
//     16      8     commit time of the first record, milliseconds since 1970 (signed)
//     24      4     length of the payload as stored
//     28      4     CRC-32C of: first revision (8 bytes, little-endian), bytes 0–27, payload as stored
//     32      …     payload
//
// The payload, before compression:
//
//     count of time runs (varint ≥ 1), then for each: number of records in it (varint ≥ 1),
//         commit time minus the one before (varint, zigzag)
//     the records (see RecordCodec.swift)
//
// The checksum covers the first revision so that a block found under another key is not believed. LZ4's own frame
// format would bring a checksum too, but its header and end mark are larger than this whole header, and its checksum
// is computed in software.

enum Block {
    static let headerLength = 32
    static let format: UInt8 = 1

    /// The revision that a key of the log stands for.
    static func firstRevision(_ key: UnsafeRawBufferPointer) throws(StoreError) -> Revision {
        guard key.count == 8 else {
            throw StoreError(.damaged, "log: the key \(Bytes(copying: key)) has \(key.count) bytes; it must have 8")
        }
        return Revision(bigEndian: key.loadUnaligned(as: Revision.self))
    }

    /// What the header says.
    struct Header {
        var codec: StoredBlock.Codec
        var recordCount: Int
        var changeCount: Int
        var rawLength: Int
        var milliseconds: Int64
        var storedLength: Int
        var checksum: UInt32
    }

    /// The header, checked for plausibility but not yet against the checksum.
    static func header(_ bytes: UnsafeRawBufferPointer) throws(Malformed) -> Header {
        guard bytes.count >= headerLength else { throw Malformed("block of \(bytes.count) bytes") }
        guard bytes[0] == format else { throw Malformed("block format \(bytes[0])") }
        guard let codec = StoredBlock.Codec(rawValue: bytes[1]) else { throw Malformed("block codec \(bytes[1])") }
        let header = Header(
            codec: codec, recordCount: Int(bytes.littleEndian(4, as: UInt32.self)),
            changeCount: Int(bytes.littleEndian(8, as: UInt32.self)),
            rawLength: Int(bytes.littleEndian(12, as: UInt32.self)),
            milliseconds: bytes.littleEndian(16, as: Int64.self),
            storedLength: Int(bytes.littleEndian(24, as: UInt32.self)),
            checksum: bytes.littleEndian(28, as: UInt32.self))
        guard header.recordCount >= 1, header.storedLength == bytes.count - headerLength else {
            throw Malformed("block header does not fit its \(bytes.count) bytes")
        }
        return header
    }

    /// The records of the block stored under `firstRevision`.
    static func decode(_ bytes: UnsafeRawBufferPointer, firstRevision: Revision) throws(Malformed) -> ChangeBatch {
        let (header, raw) = try expand(bytes, firstRevision)
        let (times, offset) = try times(raw, header)
        let batch = try RecordDecoder.decode(
            raw, from: offset, firstRevision: firstRevision, recordCount: header.recordCount,
            changeCount: header.changeCount, commitTimes: times)
        guard batch.entries.count == header.changeCount else {
            throw Malformed("block has \(batch.entries.count) changes and claims \(header.changeCount)")
        }
        return batch
    }

    /// Header and payload, checked against the checksum.
    private static func expand(
        _ bytes: UnsafeRawBufferPointer, _ firstRevision: Revision
    ) throws(Malformed) -> (Header, [UInt8]) {
        let header = try header(bytes)
        let payload = UnsafeRawBufferPointer(rebasing: bytes[headerLength...])
        guard checksum(firstRevision, .init(rebasing: bytes[..<28]), payload) == header.checksum else {
            throw Malformed("block checksum does not match")
        }
        return (header, try Compression.expand(payload, codec: header.codec, rawLength: header.rawLength))
    }

    /// A block with the payload `raw`.
    fileprivate static func encode(
        _ raw: [UInt8], firstRevision: Revision, recordCount: Int, changeCount: Int, milliseconds: Int64,
        _ effort: Compression.Effort
    ) -> [UInt8] {
        let compressed = raw.withUnsafeBytes { Compression.compress($0, effort) }
        let payload = compressed ?? raw
        var block: [UInt8] = [format, compressed == nil ? 0 : 1, 0, 0]
        block.reserveCapacity(headerLength + payload.count)
        block.appendLittleEndian(UInt32(recordCount))
        block.appendLittleEndian(UInt32(changeCount))
        block.appendLittleEndian(UInt32(raw.count))
        block.appendLittleEndian(milliseconds)
        block.appendLittleEndian(UInt32(payload.count))
        let checksum = block.withUnsafeBytes { header in
            payload.withUnsafeBytes { Block.checksum(firstRevision, header, $0) }
        }
        block.appendLittleEndian(checksum)
        block.append(contentsOf: payload)
        return block
    }

    /// The block stored under `firstRevision`, compressed anew with more effort.
    static func dense(_ bytes: UnsafeRawBufferPointer, firstRevision: Revision) throws(Malformed) -> [UInt8] {
        let (header, raw) = try expand(bytes, firstRevision)
        return encode(
            raw, firstRevision: firstRevision, recordCount: header.recordCount, changeCount: header.changeCount,
            milliseconds: header.milliseconds, .dense)
    }

    private static func checksum(
        _ firstRevision: Revision, _ header: UnsafeRawBufferPointer, _ payload: UnsafeRawBufferPointer
    ) -> UInt32 {
        var checksum = Checksum()
        checksum.add(firstRevision)
        checksum.add(header)
        checksum.add(payload)
        return checksum.value
    }

    private static func times(_ raw: [UInt8], _ header: Header) throws(Malformed) -> ([ChangeBatch.CommitTime], Int) {
        let result: Result<([ChangeBatch.CommitTime], Int), Malformed> = raw.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            do throws(Malformed) {
                let runs = try reader.varint()
                guard runs >= 1, runs <= UInt64(header.recordCount) else { throw Malformed("\(runs) time runs") }
                var times: [ChangeBatch.CommitTime] = []
                var record = 0
                var milliseconds = header.milliseconds
                for _ in 0..<runs {
                    let count = try reader.varint()
                    milliseconds &+= try zigzag(reader.varint())
                    times.append(.init(record: record, milliseconds: milliseconds))
                    guard count >= 1, count <= UInt64(header.recordCount - record) else {
                        throw Malformed("time run of \(count) records")
                    }
                    record += Int(count)
                }
                guard record == header.recordCount else {
                    throw Malformed("commit times of \(record) records, not \(header.recordCount)")
                }
                return .success((times, reader.offset))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private static func zigzag(_ value: UInt64) -> Int64 {
        Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }
}

/// Gathers records of one or many commits into one block.
struct BlockBuilder {
    private var encoder: RecordEncoder
    private var times: [ChangeBatch.CommitTime] = []

    init(firstRevision: Revision) {
        encoder = RecordEncoder(firstRevision: firstRevision)
    }

    var firstRevision: Revision { encoder.firstRevision }
    var isEmpty: Bool { encoder.recordCount == 0 }
    var isFull: Bool { encoder.storage.count >= Limits.blockBytes || encoder.recordCount >= Limits.blockRecords }

    /// Adds record `record` of `batch`, whose revision must be the next one.
    mutating func append(_ batch: ChangeBatch, record: Int) {
        let milliseconds = batch.commitTime(ofRecord: record)
        if times.last?.milliseconds != milliseconds {
            times.append(.init(record: encoder.recordCount, milliseconds: milliseconds))
        }
        encoder.append(batch, record: record)
    }

    /// The block, and its payload's length before compression.
    func finish(_ effort: Compression.Effort = .fast) -> (bytes: [UInt8], rawLength: Int) {
        var raw: [UInt8] = []
        raw.reserveCapacity(encoder.storage.count + times.count * 4)
        raw.appendVarint(UInt64(times.count))
        var before = times[0].milliseconds
        for (index, time) in times.enumerated() {
            let end = index + 1 < times.count ? Int(times[index + 1].record) : encoder.recordCount
            let difference = time.milliseconds &- before
            raw.appendVarint(UInt64(end - Int(time.record)))
            raw.appendVarint(UInt64(bitPattern: (difference << 1) ^ (difference >> 63)))
            before = time.milliseconds
        }
        raw.append(contentsOf: encoder.storage)
        let block = Block.encode(
            raw, firstRevision: firstRevision, recordCount: encoder.recordCount, changeCount: encoder.changeCount,
            milliseconds: times[0].milliseconds, effort)
        return (block, raw.count)
    }
}
