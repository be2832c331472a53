import Changes

// Values of one store are often alike, and each by itself hardly shrinks. So a store has dictionaries: some of its values,
// one behind the other, that LZ4 takes as if they stood before the value which it compresses. An entry of `state` or `base`
// names the one that it needs (KeyVersion.swift). A dictionary never changes and never goes.
//
// The database `dictionaries` holds each under its number, 4 bytes big-endian, and `meta` has the same entry once more, in a
// page of its own: all values that need a dictionary would be lost with it. All numbers little-endian.
//
//     offset  size
//      0      4     CRC-32C of: the key, bytes 4 to the end
//      4      1     32; no entry of another database has this here
//      5      1     codec: 0 raw, 1 LZ4 block
//      6      2     length before compression, 1 to 16384
//      8      …     the dictionary

/// What values of a store are alike to.
struct ValueDictionary: Equatable, Sendable {
    static let headBytes = 8
    private static let kind: UInt8 = 32

    /// 1 to ``Limits/dictionaries``, in the order in which they were made.
    let number: UInt32
    let bytes: [UInt8]

    init(number: UInt32, bytes: [UInt8]) {
        self.number = number
        self.bytes = bytes
    }

    /// Reads what is stored under `key`.
    init(_ entry: UnsafeRawBufferPointer, key: UnsafeRawBufferPointer) throws(Malformed) {
        guard key.count == 4, entry.count > Self.headBytes else {
            throw Malformed("dictionary of \(entry.count) bytes under a key of \(key.count)")
        }
        guard entry.littleEndian(0, as: UInt32.self) == checksum(of: entry, under: key) else {
            throw Malformed("dictionary checksum does not match")
        }
        number = UInt32(bigEndian: key.loadUnaligned(as: UInt32.self))
        guard entry[4] == Self.kind, let codec = StoredBlock.Codec(rawValue: entry[5]),
            (1...Limits.dictionaries).contains(Int(number))
        else { throw Malformed("dictionary \(number) of kind \(entry[4]) and codec \(entry[5])") }
        let length = Int(entry.littleEndian(6, as: UInt16.self))
        guard (1...Limits.dictionaryBytes.upperBound).contains(length) else {
            throw Malformed("dictionary of \(length) bytes")
        }
        bytes = try Compression.expand(
            UnsafeRawBufferPointer(rebasing: entry[Self.headBytes...]), codec: codec, rawLength: length)
    }

    /// The key to store it under.
    var key: [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }

    /// What to store under ``key``.
    func encoded() -> [UInt8] {
        let packed = bytes.withUnsafeBytes { Compression.compress($0, .dense) }
        let codec: StoredBlock.Codec = packed == nil ? .raw : .lz4
        var entry: [UInt8] = [0, 0, 0, 0, Self.kind, codec.rawValue]
        entry.appendLittleEndian(UInt16(bytes.count))
        entry += packed ?? bytes
        key.withUnsafeBytes { entry.seal(under: $0) }
        return entry
    }
}
