import GRPCWire
import NIOCore
import NIOHPACK
import NIOHTTP2
import Threads

/// One call of a ``Client``. The server may send on only as far as its messages are taken. To be read by one task; another
/// may send meanwhile.
public final class ClientCall: Sendable {
    enum Frame: Sendable {
        case headers(HPACKHeaders, isLast: Bool)
        case data(ByteBuffer, isLast: Bool)
        case reset(Int)
        case failed(Status)
    }

    let id: HTTP2StreamID
    private let client: Client
    private let frames: AsyncStream<Frame>
    private let reading: Lock<Reading>

    fileprivate struct Reading {
        var deframer: Deframer
        var answer = Answer()
    }

    init(id: HTTP2StreamID, client: Client, frames: AsyncStream<Frame>) {
        self.id = id
        self.client = client
        self.frames = frames
        reading = Lock(Reading(deframer: Deframer(maximumBytes: client.maximumMessageBytes)))
    }

    /// Sends a message. Returns when it has left: when the server lets it, and the network takes it. On a call that is over
    /// it does nothing, since ``next()`` and ``answer()`` say how that ended.
    ///
    /// - Throws: `CancellationError` if the task is cancelled; the call is then, too.
    public func send(_ message: [UInt8], isLast: Bool = false, isCompressed: Bool = false) async throws {
        var framed = ByteBuffer(framing: message)
        if isCompressed { framed.setInteger(UInt8(1), at: framed.readerIndex) }
        try await write(framed, isLast)
    }

    /// Sends bytes as they are, also if they are no message; as ``send(_:isLast:isCompressed:)``.
    public func sendRaw(_ bytes: [UInt8], isLast: Bool = false) async throws {
        try await write(ByteBuffer(bytes: bytes), isLast)
    }

    private func write(_ bytes: ByteBuffer, _ isLast: Bool) async throws {
        let payload = HTTP2Frame.FramePayload.data(.init(data: .byteBuffer(bytes), endStream: isLast))
        try await withTaskCancellationHandler {
            let left = try await client.onLoop { [id] in $0.writeAwaitingRoom(payload, on: id) }
            try? await left.get()
        } onCancel: {
            cancelSoon()
        }
        try Task.checkCancellation()
    }

    /// Ends the call; the server is told.
    public func cancel() async throws {
        try await client.onLoop { [id] in $0.reset(id) }
    }

    /// The same, from where nothing can wait.
    public func cancelSoon() {
        client.afterwards { [id] in $0.reset(id) }
    }

    /// The next message; nil at the end, after which ``answer()`` says how it ended.
    ///
    /// - Throws: A ``GRPCWire/Status`` if what came is no message, or too large; `CancellationError` if the task is
    ///   cancelled. The call is cancelled then.
    public func next() async throws -> [UInt8]? {
        while true {
            do {
                if let message = try reading.withLock({ try $0.takeMessage() }) { return message }
            } catch {
                cancelSoon()
                throw error
            }
            var iterator = frames.makeAsyncIterator()
            guard let frame = await iterator.next() else {
                guard Task.isCancelled else { return nil }
                cancelSoon()
                throw CancellationError()
            }
            if case .data(let bytes, _) = frame, bytes.readableBytes > 0 {
                client.afterwards { [id] in $0.credit(id, bytes.readableBytes) }
            }
            reading.withLock { $0.receive(frame) }
        }
    }

    /// Everything until the end.
    public func answer() async throws -> Answer {
        var messages: [[UInt8]] = []
        while let message = try await next() { messages.append(message) }
        var answer = reading.withLock { $0.answer }
        answer.messages = messages
        return answer
    }
}

extension ClientCall.Reading {
    fileprivate mutating func receive(_ frame: ClientCall.Frame) {
        switch frame {
        case .headers(let headers, let isLast):
            if answer.headers == nil, !isLast { answer.headers = headers } else { answer.trailers = headers }
        case .data(let bytes, _): deframer.append(bytes)
        case .reset(let code): answer.reset = code
        case .failed(let status): answer.failure = status
        }
    }

    fileprivate mutating func takeMessage() throws -> [UInt8]? {
        guard let message = try deframer.next() else { return nil }
        guard !message.isCompressed else {
            throw Status(.internalError, "a message of the server is compressed, which was not asked for")
        }
        return Array(buffer: message.bytes)
    }
}
