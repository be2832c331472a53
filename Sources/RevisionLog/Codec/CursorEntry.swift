import Changes

// A cursor, as the database `cursors` holds it under its name, which is UTF-8. 56 bytes, all numbers little-endian.
//
//     offset  size
//      0      4     CRC-32C of: the name, bytes 4 to the end
//      4      1     format, 1
//      5      1     flags: 1 beyond its bound it fails, else it is released; 2 it has failed
//      6      2     0
//      8      8     acknowledged: everything up to this revision was handled; 0 = nothing
//     16      8     generation, random: another one each time the cursor is made or set by hand
//     24      8     when it last moved, milliseconds since 1970, signed
//     32      8     it holds at most so many revisions, 0 = no such bound
//     40      8     it holds what is at most so many milliseconds old, 0 = no such bound
//     48      8     it holds at most so many bytes, 0 = no such bound
//
// Without any bound it holds nothing.

/// What is stored of a cursor.
struct CursorEntry: Equatable, Sendable {
    private static let format: UInt8 = 1
    static let length = 56

    var acknowledged: Revision
    var generation: UInt64
    var movedMilliseconds: Int64
    var hold: CursorHold?
    var isFailed = false

    init(acknowledged: Revision, generation: UInt64, movedMilliseconds: Int64, hold: CursorHold?) {
        self.acknowledged = acknowledged
        self.generation = generation
        self.movedMilliseconds = movedMilliseconds
        self.hold = hold
    }

    /// Reads what is stored under `name`.
    init(_ bytes: UnsafeRawBufferPointer, name: UnsafeRawBufferPointer) throws(Malformed) {
        guard bytes.count == Self.length else { throw Malformed("cursor of \(bytes.count) bytes") }
        guard Self.checksum(name, bytes) == bytes.littleEndian(0, as: UInt32.self) else {
            throw Malformed("cursor checksum does not match")
        }
        guard bytes[4] == Self.format else { throw Malformed("cursor of unknown format \(bytes[4])") }
        let flags = bytes[5]
        guard flags < 4, bytes[6] == 0, bytes[7] == 0 else { throw Malformed("cursor with unknown flags \(flags)") }
        acknowledged = bytes.littleEndian(8, as: Int64.self)
        generation = bytes.littleEndian(16, as: UInt64.self)
        movedMilliseconds = bytes.littleEndian(24, as: Int64.self)
        let bounds = [32, 40, 48].map { bytes.littleEndian($0, as: Int64.self) }
        guard acknowledged >= 0, bounds.allSatisfy({ $0 >= 0 }) else {
            throw Malformed("cursor at revision \(acknowledged) with the bounds \(bounds)")
        }
        if bounds != [0, 0, 0] {
            hold = CursorHold(
                revisions: bounds[0] == 0 ? nil : bounds[0], age: bounds[1] == 0 ? nil : .milliseconds(bounds[1]),
                bytes: bounds[2] == 0 ? nil : Int(bounds[2]), then: flags & 1 == 0 ? .release : .fail)
        }
        isFailed = flags & 2 != 0
        guard hold != nil || flags & 1 == 0 else { throw Malformed("cursor that fails beyond no bound") }
    }

    /// What to store under `name`.
    func encoded(name: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = [0, 0, 0, 0, Self.format, (hold?.then == .fail ? 1 : 0) | (isFailed ? 2 : 0), 0, 0]
        bytes.appendLittleEndian(acknowledged)
        bytes.appendLittleEndian(generation)
        bytes.appendLittleEndian(movedMilliseconds)
        bytes.appendLittleEndian(hold?.revisions ?? 0)
        bytes.appendLittleEndian(hold?.age?.milliseconds ?? 0)
        bytes.appendLittleEndian(Int64(hold?.bytes ?? 0))
        let checksum = name.withUnsafeBytes { name in bytes.withUnsafeBytes { Self.checksum(name, $0) } }
        withUnsafeBytes(of: checksum.littleEndian) { sum in
            for (index, byte) in sum.enumerated() { bytes[index] = byte }
        }
        return bytes
    }

    private static func checksum(_ name: UnsafeRawBufferPointer, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var checksum = Checksum()
        checksum.add(name)
        checksum.add(UnsafeRawBufferPointer(rebasing: bytes[4...]))
        return checksum.value
    }
}
