import Changes

@testable import RevisionLog

extension FuzzTarget {
    static func block(_ input: [UInt8], first: Revision) {
        var bytes = input
        if bytes.count >= Block.headerLength {
            bytes.set(24, UInt32(bytes.count - Block.headerLength))
            var checksum = Checksum()
            checksum.add(first)
            checksum.add(bytes, 0..<28)
            checksum.add(bytes, Block.headerLength..<bytes.count)
            bytes.set(28, checksum.value)
        }
        guard let batch = try? bytes.withUnsafeBytes({ try Block.decode($0, firstRevision: first) }) else { return }
        var builder = BlockBuilder(firstRevision: first)
        for record in 0..<batch.recordCount { builder.append(batch, record: record) }
        let again = try? builder.finish().bytes.withUnsafeBytes { try Block.decode($0, firstRevision: first) }
        precondition(again.map(Contents.init) == Contents(batch), "a block changes when it is written again")
    }

    static func frame(_ input: [UInt8]) {
        var bytes = input
        if bytes.count >= FrameHeader.length {
            let stored = min(
                Int(bytes.withUnsafeBytes { $0.littleEndian(16, as: UInt32.self) }), bytes.count - FrameHeader.length)
            bytes.set(16, UInt32(stored))
            var checksum = Checksum()
            checksum.add(bytes, 0..<60)
            checksum.add(bytes, FrameHeader.length..<FrameHeader.length + stored)
            bytes.set(60, checksum.value)
        }
        guard let (header, payload) = bytes.withUnsafeBytes({ FrameHeader.read($0) }),
            let batch = try? bytes.withUnsafeBytes({
                try JournalPayload.decode(header, .init(rebasing: $0[payload]))
            })
        else { return }
        let written = JournalPayload(batch)
        var frame: [UInt8] = []
        written.header.write(written.bytes, into: &frame)
        let again = frame.withUnsafeBytes { bytes in
            FrameHeader.read(bytes).flatMap {
                try? JournalPayload.decode($0.header, .init(rebasing: bytes[$0.payload]))
            }
        }
        precondition(again.map(Contents.init) == Contents(batch), "a frame changes when it is written again")
    }

    static func records(_ bytes: [UInt8], first: Revision) {
        guard bytes.count >= 2 else { return }
        let (records, changes) = (Int(bytes[0]), Int(bytes[1]))
        let times = [ChangeBatch.CommitTime(record: 0, milliseconds: 1)]
        func decode(_ storage: [UInt8], from offset: Int, _ changes: Int) -> ChangeBatch? {
            try? RecordDecoder.decode(
                storage, from: offset, firstRevision: first, recordCount: records, changeCount: changes,
                commitTimes: times)
        }
        guard let batch = decode(bytes, from: 2, changes) else { return }
        var encoder = RecordEncoder(firstRevision: first)
        for record in 0..<batch.recordCount { encoder.append(batch, record: record) }
        let again = encoder.finish(milliseconds: 1)
        precondition(Contents(again) == Contents(batch), "records change when they are written again")
        let read = decode(again.storage, from: 0, batch.entries.count)
        precondition(read.map(Contents.init) == Contents(batch), "records are read otherwise")
    }

    static func keyVersion(_ input: [UInt8], keyLength: Int) {
        let key = Array(input.prefix(keyLength))
        var bytes = Array(input.dropFirst(keyLength))
        if bytes.count >= 4 {
            var checksum = Checksum()
            checksum.add(key, key.indices)
            checksum.add(bytes, 4..<bytes.count)
            bytes.set(0, checksum.value)
        }
        func decode(_ bytes: [UInt8]) -> KeyVersion? {
            bytes.withUnsafeBytes { bytes in
                key.withUnsafeBytes { key in
                    try? KeyVersion(bytes, key: key) { number throws(Malformed) in
                        if number != Self.alike.number { throw .missing(dictionary: number) }
                        return Self.alike
                    }
                }
            }
        }
        guard let version = decode(bytes) else { return }
        for compressor in [nil, DictionaryCompressor(Self.alike)] {
            let again = decode(version.encoded(key: Bytes(key), compressor))
            precondition(
                again?.event("k") == version.event("k") && again?.isLost == version.isLost,
                "the version of a key changes when it is written again")
        }
    }

    /// The one dictionary that there is.
    private static var alike: ValueDictionary {
        ValueDictionary(number: 1, bytes: Array(#"{"service":"checkout","region":"eu-central","healthy":true}"#.utf8))
    }

    static func dictionary(_ input: [UInt8], number: UInt32) {
        var bytes = input
        let key = withUnsafeBytes(of: number.bigEndian) { Array($0) }
        if bytes.count >= 4 { key.withUnsafeBytes { bytes.seal(under: $0) } }
        func decode(_ bytes: [UInt8]) -> ValueDictionary? {
            bytes.withUnsafeBytes { bytes in key.withUnsafeBytes { try? ValueDictionary(bytes, key: $0) } }
        }
        guard let dictionary = decode(bytes) else { return }
        precondition(decode(dictionary.encoded()) == dictionary, "a dictionary changes when it is written again")
        // What LZ4 makes with any dictionary it can undo with it.
        let value = KeyVersion(putting: Bytes(bytes), at: 1, after: nil)
        let entry = value.encoded(key: "k", DictionaryCompressor(dictionary))
        let again = entry.withUnsafeBytes { entry in
            Bytes("k").withUnsafeBytes { key in
                try? KeyVersion(entry, key: key) { _ throws(Malformed) in dictionary }
            }
        }
        precondition(again?.value == value.value, "a value changes when it is compressed with a dictionary")
    }

    static func longRow(_ input: [UInt8], rowLength: Int) {
        let row = Array(input.prefix(rowLength))
        var bytes = Array(input.dropFirst(rowLength))
        if bytes.count >= 4 { row.withUnsafeBytes { bytes.seal(under: $0) } }
        row.withUnsafeBytes { key in
            bytes.withUnsafeBytes { value in
                let again: [UInt8]
                switch try? LongRow(key, value) {
                case nil: return
                case .link(let node): again = LongRow.link(to: node, under: row)
                case .entry(let root, let whole, let kept): again = LongRow.entry(root, whole, kept, under: row)
                }
                // A length may have been written with more bytes than it needs.
                precondition(again.count <= bytes.count, "a row of a long key grows when it is written again")
                precondition(
                    again.withUnsafeBytes { (try? LongRow(key, $0)) != nil },
                    "a row of a long key cannot be written again")
            }
        }
    }

    static func meta(_ input: [UInt8]) {
        var bytes = input
        if bytes.count >= 16 {
            var checksum = Checksum()
            checksum.add(bytes, 0..<12)
            checksum.add(bytes, 16..<bytes.count)
            bytes.set(12, checksum.value)
        }
        guard let meta = try? bytes.withUnsafeBytes({ try Meta($0) }) else { return }
        let again = try? meta.encoded().withUnsafeBytes { try Meta($0) }
        precondition(again == meta.upgraded, "the meta entry changes when it is written again")
    }

    static func cursor(_ input: [UInt8], nameLength: Int) {
        let name = Array(input.prefix(nameLength))
        var bytes = Array(input.dropFirst(nameLength))
        if bytes.count >= 4 {
            var checksum = Checksum()
            checksum.add(name, name.indices)
            checksum.add(bytes, 4..<bytes.count)
            bytes.set(0, checksum.value)
        }
        func decode(_ bytes: [UInt8]) -> CursorEntry? {
            bytes.withUnsafeBytes { bytes in name.withUnsafeBytes { try? CursorEntry(bytes, name: $0) } }
        }
        guard let entry = decode(bytes) else { return }
        precondition(decode(entry.encoded(name: name)) == entry, "a cursor changes when it is written again")
    }
}

/// All that a batch says.
private struct Contents: Equatable {
    var first: Revision
    var records: [[WatchEvent]]
    var times: [Int64]

    init(_ batch: ChangeBatch) {
        first = batch.firstRevision
        records = (0..<batch.recordCount).map { record in
            batch.entryIndices(ofRecord: record).map { KeyVersion(batch, $0).event(batch.key($0)) }
        }
        times = (0..<batch.recordCount).map { batch.commitTime(ofRecord: $0) }
    }
}

extension Checksum {
    mutating func add(_ bytes: [UInt8], _ range: Range<Int>) {
        bytes.withUnsafeBytes { add(.init(rebasing: $0[range])) }
    }
}

extension [UInt8] {
    mutating func set(_ offset: Int, _ value: UInt32) {
        for index in 0..<4 { self[offset + index] = UInt8(truncatingIfNeeded: value >> UInt32(8 * index)) }
    }
}
