import NIOCore

/// As much of protobuf as etcd's messages need: fields of a number and either an integer or bytes.
extension ByteBuffer {
    mutating func writeVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        writeInteger(UInt8(rest))
    }

    mutating func writeField(_ number: UInt64, _ value: Int64) {
        writeVarint(number << 3)
        writeVarint(UInt64(bitPattern: value))
    }

    mutating func writeField(_ number: UInt64, _ bytes: some Collection<UInt8>) {
        writeVarint(number << 3 | 2)
        writeVarint(UInt64(bytes.count))
        writeBytes(bytes)
    }

    mutating func readVarint() -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while shift < 64, let byte = readInteger(as: UInt8.self) {
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        return nil
    }

    /// The next field, or nil at the end of the message.
    mutating func readField() throws -> ProtobufField? {
        if readableBytes == 0 { return nil }
        guard let tag = readVarint() else { throw PeerError("a message ends early") }
        let value: ProtobufField.Value? =
            switch tag & 7 {
            case 0: readVarint().map { .integer(Int64(bitPattern: $0)) }
            case 1: readSlice(length: 8).map { .bytes($0) }
            case 2: readVarint().flatMap { Int(exactly: $0) }.flatMap { readSlice(length: $0) }.map { .bytes($0) }
            case 5: readSlice(length: 4).map { .bytes($0) }
            default: nil
            }
        guard let value else { throw PeerError("field \(tag >> 3) of a message cannot be read") }
        return ProtobufField(number: tag >> 3, value: value)
    }
}

struct ProtobufField {
    enum Value {
        case integer(Int64)
        case bytes(ByteBuffer)
    }

    let number: UInt64
    let value: Value

    var integer: Int64 { if case .integer(let integer) = value { integer } else { 0 } }
    var bytes: ByteBuffer { if case .bytes(let bytes) = value { bytes } else { ByteBuffer() } }
}
