import NIOCore

/// Messages that leave together.
public struct OutgoingMessages {
    private(set) var framed = ByteBuffer()
    /// How many begin here.
    public private(set) var count = 0

    public init() {}

    /// What they take, in bytes.
    public var bytes: Int { framed.readableBytes }

    /// Adds a message; of two parts if there is a `rest`.
    public mutating func append(_ message: [UInt8], _ rest: ArraySlice<UInt8> = []) {
        framed.write(framing: message, rest)
        count += 1
    }

    /// Begins a message of `length` bytes, which ``append(part:)`` adds, here and in what leaves next: see
    /// ``Call/sendInParts(_:)``.
    public mutating func begin(length: UInt32) {
        framed.write(framing: length)
        count += 1
    }

    /// Adds a part of the message that was begun.
    public mutating func append(part: [UInt8]) {
        framed.writeBytes(part)
    }
}
