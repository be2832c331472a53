package import NIOCore

/// Cuts the bytes of a stream into messages.
///
///     message = compressed (1 byte: 0 or 1), length (4 bytes, big-endian), that many bytes
///
/// Messages begin and end anywhere within DATA frames. A length over the limit is refused before anything of that size
/// is held.
package struct Deframer {
    package struct Message: Sendable {
        package var isCompressed: Bool
        package var bytes: ByteBuffer
    }

    package static let prefixBytes = 5

    private let maximumBytes: Int
    private var buffer: ByteBuffer?

    package init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
    }

    /// Takes what has arrived.
    package mutating func append(_ bytes: ByteBuffer) {
        var bytes = bytes
        if buffer == nil { buffer = bytes } else { buffer!.writeBuffer(&bytes) }
    }

    /// The next message, nil if it is not complete.
    package mutating func next() throws(Status) -> Message? {
        guard var bytes = buffer, bytes.readableBytes >= Self.prefixBytes else { return nil }
        let start = bytes.readerIndex
        let flag = bytes.getInteger(at: start, as: UInt8.self)!
        let length = Int(bytes.getInteger(at: start + 1, as: UInt32.self)!)
        guard flag <= 1 else { throw Status(.internalError, "a message begins with \(flag); it must be 0 or 1") }
        guard length <= maximumBytes else {
            throw Status(
                .resourceExhausted, "a message has \(length) bytes; the limit is \(maximumBytes): send less")
        }
        guard bytes.readableBytes >= Self.prefixBytes + length else { return nil }
        bytes.moveReaderIndex(forwardBy: Self.prefixBytes)
        let message = Message(isCompressed: flag == 1, bytes: bytes.readSlice(length: length)!)
        buffer = bytes.readableBytes > 0 ? bytes : nil
        return message
    }

    /// Whether a message has begun and not ended.
    package var isInMessage: Bool { buffer != nil }
}

extension ByteBuffer {
    /// A message as it goes over the wire, uncompressed.
    package init(framing message: [UInt8]) {
        self.init()
        write(framing: message)
    }

    /// Adds a message, of two parts if there is a `rest`, as it goes over the wire, uncompressed.
    package mutating func write(framing message: [UInt8], _ rest: ArraySlice<UInt8> = []) {
        let count = message.count + rest.count
        reserveCapacity(minimumWritableBytes: Deframer.prefixBytes + count)
        write(framing: UInt32(count))
        writeBytes(message)
        writeBytes(rest)
    }

    /// Adds what comes before a message of `length` bytes.
    package mutating func write(framing length: UInt32) {
        writeInteger(UInt8(0))
        writeInteger(length)
    }
}
