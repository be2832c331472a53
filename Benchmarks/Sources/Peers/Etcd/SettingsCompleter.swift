import NIOCore

/// Adds to the server's first frame, which are its settings, that it takes any number of streams at once, if they do
/// not say how many.
///
/// That is what their silence means, and etcd's are silent; but the library goes on with the 100 that it assumes until
/// it is told.
final class SettingsCompleter: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private static let headerBytes = 9
    private static let settingBytes = 6
    private static let settingsFrame: UInt8 = 4
    private static let maximumStreams: UInt16 = 3

    private var received = ByteBuffer()
    private var isDone = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isDone { return context.fireChannelRead(data) }
        received.receive(unwrapInboundIn(data))
        guard let length = Self.length(received), received.readableBytes >= Self.headerBytes + length else { return }
        isDone = true
        context.fireChannelRead(wrapInboundOut(Self.completed(received, length)))
        received = ByteBuffer()
    }

    /// The length of the frame without its header: the header's first 3 bytes.
    private static func length(_ buffer: ByteBuffer) -> Int? {
        buffer.getInteger(at: buffer.readerIndex, as: UInt32.self).map { Int($0 >> 8) }
    }

    private static func completed(_ buffer: ByteBuffer, _ length: Int) -> ByteBuffer {
        let start = buffer.readerIndex
        let end = start + headerBytes + length
        let names = stride(from: start + headerBytes, to: end, by: settingBytes).map {
            buffer.getInteger(at: $0, as: UInt16.self)
        }
        guard buffer.getInteger(at: start + 3, as: UInt8.self) == settingsFrame, !names.contains(maximumStreams) else {
            return buffer
        }
        var whole = ByteBuffer()
        let type = buffer.getInteger(at: start + 3, as: UInt8.self) ?? 0
        whole.writeInteger(UInt32(length + settingBytes) << 8 | UInt32(type))
        whole.writeBytes(buffer.viewBytes(at: start + 4, length: end - start - 4) ?? ByteBufferView())
        whole.writeInteger(maximumStreams)
        whole.writeInteger(UInt32(Int32.max))
        whole.writeBytes(buffer.viewBytes(at: end, length: buffer.writerIndex - end) ?? ByteBufferView())
        return whole
    }
}
