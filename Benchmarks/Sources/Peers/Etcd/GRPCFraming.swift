import NIOCore

/// A message of gRPC: a byte that is 0 if it is not compressed, 4 bytes for its length, and the message.
extension ByteBuffer {
    static func grpc(_ message: ByteBuffer) -> ByteBuffer {
        var framed = ByteBuffer()
        framed.reserveCapacity(5 + message.readableBytes)
        framed.writeInteger(UInt8(0))
        framed.writeInteger(UInt32(message.readableBytes))
        framed.writeImmutableBuffer(message)
        return framed
    }

    /// The next message, taken off, if it has come in full.
    mutating func readGRPCMessage() throws -> ByteBuffer? {
        guard let compressed = getInteger(at: readerIndex, as: UInt8.self),
            let length = getInteger(at: readerIndex + 1, as: UInt32.self), readableBytes >= 5 + Int(length)
        else { return nil }
        guard compressed == 0 else { throw PeerError("a message is compressed") }
        moveReaderIndex(forwardBy: 5)
        return readSlice(length: Int(length))
    }
}

/// How much the server may still send, of a stream or of the connection. It is told before it has sent half of it.
struct ReceiveWindow {
    static let bytes = 16 << 20
    /// What HTTP/2 begins with, for the connection.
    static let initialBytes = 65535

    private var received = 0

    /// By how much the window must be opened again, if it must.
    mutating func receive(_ count: Int) -> Int? {
        received += count
        guard received >= Self.bytes / 2 else { return nil }
        defer { received = 0 }
        return received
    }
}
