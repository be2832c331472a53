import CCRC32C

/// CRC-32C over several pieces of memory, as if they lay one after the other.
struct Checksum {
    private(set) var value: UInt32 = 0

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        value = vigil_crc32c(value, bytes.baseAddress, bytes.count)
    }

    mutating func add<T: FixedWidthInteger>(_ number: T) {
        withUnsafeBytes(of: number.littleEndian) { add($0) }
    }
}
