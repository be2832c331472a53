import NIOCore

/// Drops what a client sends of calls that are over: it had sent that before it learned that the server has reset the
/// call, or it has reset the call itself. In that case it should send nothing more, but Netty's client does, with messages
/// that it still held.
///
/// NIO passes over such frames of a few streams, that the server has reset, and ends the connection for others, and with
/// that all other calls. RFC 9113, 5.1, leaves that open only of those that the client has reset; gRPC's own servers do it
/// for none.
///
/// It stands below HTTP/2 and reads nothing but the heads of frames: three bytes of length, the type, the flags, four bytes
/// of the stream. What cannot be a frame is left to NIO, which refuses it.
final class LateData: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = IOData

    /// Bytes that come before the next head: first those of the preface.
    private var untilHead = HTTP2.preface.count
    private var isDropping = false
    /// What has come of a head that is not complete.
    private var part = ByteBuffer()
    private var reset = RecentStreams(limit: Limits.resetStreams)
    /// Bytes that were dropped. The client counts them; NIO does not know of them, and will not give their room back.
    private var owed = 0

    /// The server has reset this stream.
    func ended(_ stream: UInt32) { reset.insert(stream) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if part.readableBytes > 0, !completePart(from: &bytes, context) { return }
        // Up to here the bytes may pass; those before the reader's index have.
        var end = bytes.readerIndex
        while true {
            let count = min(untilHead, bytes.writerIndex - end)
            untilHead -= count
            end += count
            if isDropping { bytes.moveReaderIndex(to: end) }
            guard untilHead == 0, bytes.writerIndex - end >= HTTP2.headBytes else { break }
            begin(bytes, at: end)
            if isDropping {
                pass(&bytes, to: end, context)
                bytes.moveReaderIndex(forwardBy: HTTP2.headBytes)
            }
            end += HTTP2.headBytes
        }
        pass(&bytes, to: end, context)
        // Copied, so that it does not keep all that was read.
        if bytes.readableBytes > 0 { part = ByteBuffer(bytes: bytes.readableBytesView) }
        refillWindow(context)
    }

    /// Returns whether the head is complete.
    private func completePart(from bytes: inout ByteBuffer, _ context: ChannelHandlerContext) -> Bool {
        var more = bytes.readSlice(length: min(HTTP2.headBytes - part.readableBytes, bytes.readableBytes))!
        part.writeBuffer(&more)
        guard part.readableBytes == HTTP2.headBytes else { return false }
        begin(part, at: part.readerIndex)
        if !isDropping { context.fireChannelRead(wrapInboundOut(part)) }
        part = ByteBuffer()
        return true
    }

    /// A frame begins.
    private func begin(_ bytes: ByteBuffer, at index: Int) {
        let first = bytes.getInteger(at: index, as: UInt32.self)!
        let stream = bytes.getInteger(at: index + 5, as: UInt32.self)! & 0x7FFF_FFFF
        let type = UInt8(truncatingIfNeeded: first)
        untilHead = Int(first >> 8)
        isDropping = type == HTTP2.dataType && reset.contains(stream)
        if isDropping { owed += untilHead }
        if type == HTTP2.resetType { reset.insert(stream) }
    }

    private func pass(_ bytes: inout ByteBuffer, to end: Int, _ context: ChannelHandlerContext) {
        guard end > bytes.readerIndex, let passing = bytes.readSlice(length: end - bytes.readerIndex) else { return }
        context.fireChannelRead(wrapInboundOut(passing))
    }

    /// Lets the client send on what it may no more, as it believes. Not for each frame, or a client that does not read could
    /// make answers wait without end.
    private func refillWindow(_ context: ChannelHandlerContext) {
        guard owed >= Limits.connectionWindowBytes / 4 else { return }
        var frame = context.channel.allocator.buffer(capacity: HTTP2.headBytes + 4)
        frame.writeInteger(4 << 8 | UInt32(HTTP2.windowUpdateType))
        frame.writeMultipleIntegers(UInt8(0), UInt32(0), UInt32(owed))
        owed = 0
        context.writeAndFlush(wrapOutboundOut(.byteBuffer(frame)), promise: nil)
    }
}

/// Those streams that came last.
struct RecentStreams {
    private let limit: Int
    private var streams: [UInt32] = []
    private var oldest = 0
    private var highest: UInt32 = 0

    init(limit: Int) {
        self.limit = limit
    }

    mutating func insert(_ stream: UInt32) {
        highest = max(highest, stream)
        if streams.count < limit {
            streams.append(stream)
        } else {
            streams[oldest] = stream
            oldest = (oldest + 1) % limit
        }
    }

    /// Most that are asked for are new.
    func contains(_ stream: UInt32) -> Bool { stream <= highest && streams.contains(stream) }
}
