import NIOConcurrencyHelpers
import NIOCore
import NIOHPACK
import NIOHTTP2

/// One call of a ``Client``. The server may send on only as far as its messages are taken. To be read by one task.
public final class ClientCall: Sendable {
    enum Frame: Sendable {
        case headers(HPACKHeaders, isLast: Bool)
        case data(ByteBuffer, isLast: Bool)
        case reset(Int)
    }

    let id: HTTP2StreamID
    private let client: Client
    private let frames: AsyncStream<Frame>
    private let reading = NIOLockedValueBox(Reading())

    fileprivate struct Reading {
        var buffer = ByteBuffer()
        var answer = Answer()
    }

    init(id: HTTP2StreamID, client: Client, frames: AsyncStream<Frame>) {
        self.id = id
        self.client = client
        self.frames = frames
    }

    public func send(_ message: [UInt8], isLast: Bool = false, isCompressed: Bool = false) async throws {
        var framed = ByteBuffer()
        framed.writeInteger(UInt8(isCompressed ? 1 : 0))
        framed.writeInteger(UInt32(message.count))
        framed.writeBytes(message)
        try await sendRaw(Array(buffer: framed), isLast: isLast)
    }

    /// Returns when the server has let it go.
    public func sendAwaitingRoom(_ message: [UInt8], isLast: Bool = false) async throws {
        var framed = ByteBuffer(bytes: [0])
        framed.writeInteger(UInt32(message.count))
        framed.writeBytes(message)
        try await client.onLoop { [id, framed] in
            $0.writeAwaitingRoom(.data(.init(data: .byteBuffer(framed), endStream: isLast)), on: id)
        }.get()
    }

    /// Bytes as they are, also if they are no message.
    public func sendRaw(_ bytes: [UInt8], isLast: Bool = false) async throws {
        try await client.onLoop { [id] in
            $0.write(.data(.init(data: .byteBuffer(ByteBuffer(bytes: bytes)), endStream: isLast)), on: id)
        }
    }

    public func cancel() async throws {
        try await client.onLoop { [id] in $0.write(.rstStream(.cancel), on: id) }
    }

    /// The next message; nil at the end, after which ``answer()`` says how it ended.
    public func next() async throws -> [UInt8]? {
        while true {
            if let message = reading.withLockedValue({ $0.takeMessage() }) { return message }
            var iterator = frames.makeAsyncIterator()
            guard let frame = await iterator.next() else { return nil }
            if case .data(let bytes, _) = frame, bytes.readableBytes > 0 {
                try await client.onLoop { [id] in $0.credit(id, bytes.readableBytes) }
            }
            reading.withLockedValue { $0.receive(frame) }
        }
    }

    /// Everything until the end.
    public func answer() async throws -> Answer {
        var messages: [[UInt8]] = []
        while let message = try await next() { messages.append(message) }
        var answer = reading.withLockedValue { $0.answer }
        answer.messages = messages
        return answer
    }
}

extension ClientCall.Reading {
    fileprivate mutating func receive(_ frame: ClientCall.Frame) {
        switch frame {
        case .headers(let headers, let isLast):
            if answer.headers == nil, !isLast { answer.headers = headers } else { answer.trailers = headers }
        case .data(let bytes, _): buffer.writeImmutableBuffer(bytes)
        case .reset(let code): answer.reset = code
        }
    }

    fileprivate mutating func takeMessage() -> [UInt8]? {
        guard buffer.readableBytes >= 5,
            let length = buffer.getInteger(at: buffer.readerIndex + 1, as: UInt32.self),
            buffer.readableBytes >= 5 + Int(length)
        else { return nil }
        buffer.moveReaderIndex(forwardBy: 5)
        return buffer.readBytes(length: Int(length))
    }
}
