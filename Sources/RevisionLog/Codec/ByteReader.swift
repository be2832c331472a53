/// Bytes that cannot be what they should be. Whoever knows where they came from turns it into a `StoreError`.
struct Malformed: Error {
    var reason: String

    init(_ reason: String) {
        self.reason = reason
    }
}

/// Walks bytes from disk and never past their end.
struct ByteReader: ~Copyable {
    private let bytes: UnsafeRawBufferPointer
    private(set) var offset = 0

    /// `bytes` must stay valid as long as the reader: it is made and used inside one `withUnsafeBytes`.
    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    var remaining: Int { bytes.count - offset }

    @inline(__always)
    mutating func byte() throws(Malformed) -> UInt8 {
        guard offset < bytes.count else { throw early() }
        defer { offset += 1 }
        return bytes[offset]
    }

    /// An unsigned LEB128 number: seven bits a byte, lowest first, the high bit says that more follow.
    @inline(__always)
    mutating func varint() throws(Malformed) -> UInt64 {
        // Most lengths fit one byte, most distances two or three.
        if remaining >= 3 {
            let first = UInt64(bytes[offset])
            if first < 0x80 {
                offset += 1
                return first
            }
            let second = UInt64(bytes[offset + 1])
            if second < 0x80 {
                offset += 2
                return first & 0x7F | second << 7
            }
            let third = UInt64(bytes[offset + 2])
            if third < 0x80 {
                offset += 3
                return first & 0x7F | (second & 0x7F) << 7 | third << 14
            }
        }
        return try longVarint()
    }

    private mutating func longVarint() throws(Malformed) -> UInt64 {
        var result: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let next = try byte()
            if shift == 63 && next > 1 { throw Malformed("number over 64 bits at offset \(offset)") }
            result |= UInt64(next & 0x7F) << shift
            if next < 0x80 { return result }
            shift += 7
            if shift > 63 { throw Malformed("number over 64 bits at offset \(offset)") }
        }
    }

    /// A number that must fit a non-negative `Int64`.
    @inline(__always)
    mutating func number() throws(Malformed) -> Int64 {
        let value = try varint()
        guard let number = Int64(exactly: value) else { throw tooLarge(value) }
        return number
    }

    /// A length of bytes that are there; they are skipped, and their offset is returned.
    @inline(__always)
    mutating func lengthPrefixed() throws(Malformed) -> Range<Int> {
        let length = try varint()
        guard length <= UInt64(remaining) else { throw tooLong(length) }
        defer { offset += Int(length) }
        return offset..<offset + Int(length)
    }

    // Apart, so that what is done for each number stays small.

    @inline(never)
    private func early() -> Malformed { Malformed("ends early, at offset \(offset)") }

    @inline(never)
    private func tooLarge(_ value: UInt64) -> Malformed { Malformed("number \(value) is too large") }

    @inline(never)
    private func tooLong(_ length: UInt64) -> Malformed {
        Malformed("length \(length) at offset \(offset), only \(remaining) bytes left")
    }

    /// What is left.
    mutating func rest() -> UnsafeRawBufferPointer {
        defer { offset = bytes.count }
        return UnsafeRawBufferPointer(rebasing: bytes[offset...])
    }
}

extension Array where Element == UInt8 {
    /// Appends an unsigned LEB128 number.
    mutating func appendVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(rest))
    }

    mutating func appendLittleEndian<T: FixedWidthInteger>(_ value: T) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }
}

extension UnsafeRawBufferPointer {
    /// The number at `offset`, which must be inside.
    func littleEndian<T: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, as: T.Type) -> T {
        T(littleEndian: loadUnaligned(fromByteOffset: offset, as: T.self))
    }
}
