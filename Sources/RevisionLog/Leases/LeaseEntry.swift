import Changes
import LMDB

// A lease, as the database `leases` holds it under its id, 8 bytes big-endian. 24 bytes, all numbers little-endian.
//
//     offset  size
//      0      4     CRC-32C of: the id as stored, bytes 4 to the end
//      4      1     format, 1
//      5      3     0
//      8      8     ttl, seconds, at least 1
//     16      8     when it was granted, milliseconds since 1970, signed
//
// How long it has left is not stored: after the store was opened every lease has its whole time again.

/// What is stored of a lease.
struct LeaseEntry: Equatable, Sendable {
    private static let format: UInt8 = 1
    static let length = 24

    var seconds: Int64
    var grantedMilliseconds: Int64

    init(seconds: Int64, grantedMilliseconds: Int64) {
        self.seconds = seconds
        self.grantedMilliseconds = grantedMilliseconds
    }

    /// Reads what is stored under `id`.
    init(_ bytes: UnsafeRawBufferPointer, id: UnsafeRawBufferPointer) throws(Malformed) {
        guard bytes.count == Self.length else { throw Malformed("lease of \(bytes.count) bytes") }
        guard bytes.littleEndian(0, as: UInt32.self) == checksum(of: bytes, under: id) else {
            throw Malformed("lease checksum does not match")
        }
        guard bytes[4] == Self.format, bytes[5] == 0, bytes[6] == 0, bytes[7] == 0 else {
            throw Malformed("lease of unknown format \(bytes[4])")
        }
        seconds = bytes.littleEndian(8, as: Int64.self)
        grantedMilliseconds = bytes.littleEndian(16, as: Int64.self)
        guard LogOptions.leaseSeconds.contains(seconds) else { throw Malformed("lease of \(seconds) seconds") }
    }

    /// What to store under `id`.
    func encoded(id: UnsafeRawBufferPointer) -> [UInt8] {
        var bytes: [UInt8] = [0, 0, 0, 0, Self.format, 0, 0, 0]
        bytes.appendLittleEndian(seconds)
        bytes.appendLittleEndian(grantedMilliseconds)
        bytes.seal(under: id)
        return bytes
    }
}

/// The checksum of a value whose first four bytes are for it, under its key.
func checksum(of bytes: UnsafeRawBufferPointer, under key: UnsafeRawBufferPointer) -> UInt32 {
    var checksum = Checksum()
    checksum.add(key)
    checksum.add(UnsafeRawBufferPointer(rebasing: bytes[4...]))
    return checksum.value
}

extension [UInt8] {
    /// Sets the first four bytes to the checksum of the rest, and of the key under which it will be stored.
    mutating func seal(under key: UnsafeRawBufferPointer) {
        let sum = withUnsafeBytes { checksum(of: $0, under: key) }
        Swift.withUnsafeBytes(of: sum.littleEndian) { replaceSubrange(0..<4, with: $0) }
    }
}

extension Transaction {
    /// Calls `body` with each lease and its id, in the order of the ids, or with nil if it cannot be read.
    borrowing func forEachLease(_ database: Database, _ body: (Int64, LeaseEntry?) throws -> Void) throws {
        var cursor = try cursor(database)
        var found = try cursor.first()
        while let here = found {
            let entry = here.key.count == 8 ? try? LeaseEntry(here.value, id: here.key) : nil
            try body(here.key.count == 8 ? here.key.bigEndianID : 0, entry)
            found = try cursor.next()
        }
    }
}

extension UnsafeRawBufferPointer {
    /// The lease id at the beginning of a key.
    var bigEndianID: Int64 { Int64(bigEndian: loadUnaligned(as: Int64.self)) }
}
