import NIOCore

/// What a server of NATS sends: a line of words, and for messages a payload of the length that the line ends with.
///
///     MSG subject sid [reply] length              and the payload
///     HMSG subject sid [reply] headers length     and the headers and the payload, as long as length together
///     INFO {...}    PING    PONG    +OK    -ERR 'why'
struct NATSMessage {
    enum Kind { case message, ping, error, other }

    var kind: Kind
    /// The line that it begins with.
    let line: ByteBuffer
    /// Where the words are in the line.
    let words: [Range<Int>]
    var headers: ByteBuffer?
    var payload = ByteBuffer()

    /// Takes the next one off the buffer if it has come in full.
    init?(_ buffer: inout ByteBuffer) throws {
        let start = buffer.readerIndex
        guard let lineEnd = buffer.index(of: UInt8(ascii: "\n"), from: start),
            let line = buffer.getSlice(at: start, length: lineEnd - start)
        else { return nil }
        self.line = line
        words = Self.words(line)
        let first = words.first.flatMap { line.getInteger(at: $0.lowerBound, as: UInt8.self) }
        switch (first, words.first?.count) {
        case (UInt8(ascii: "M"), 3), (UInt8(ascii: "H"), 4): kind = .message
        case (UInt8(ascii: "P"), 4):
            kind = line.getInteger(at: line.readerIndex + 1, as: UInt8.self) == UInt8(ascii: "I") ? .ping : .other
        case (UInt8(ascii: "-"), _): kind = .error
        default: kind = .other
        }
        guard kind == .message else {
            buffer.moveReaderIndex(to: lineEnd + 1)
            return
        }
        let hasHeaders = first == UInt8(ascii: "H")
        guard words.count >= (hasHeaders ? 5 : 4), let length = line.number(in: words[words.count - 1]),
            let headersLength = hasHeaders ? line.number(in: words[words.count - 2]) : 0, headersLength <= length
        else { throw PeerError("not a message of NATS: \(String(buffer: line))") }
        guard lineEnd + 1 + length + 2 <= buffer.writerIndex else { return nil }
        buffer.moveReaderIndex(to: lineEnd + 1)
        if hasHeaders { headers = buffer.readSlice(length: headersLength) }
        payload = buffer.readSlice(length: length - headersLength) ?? ByteBuffer()
        buffer.moveReaderIndex(forwardBy: 2)
    }

    var subject: ByteBufferView? { line.viewBytes(at: words[1].lowerBound, length: words[1].count) }
    /// The number of the subscription that it is for.
    var subscription: Int? { line.number(in: words[2]) }
    /// The subject to answer to.
    var reply: Range<Int>? { words.count > (headers == nil ? 4 : 5) ? words[3] : nil }

    private static func words(_ line: ByteBuffer) -> [Range<Int>] {
        var words: [Range<Int>] = []
        var start: Int?
        for (index, byte) in zip(line.readerIndex..., line.readableBytesView) {
            if byte > UInt8(ascii: " ") {
                start = start ?? index
            } else if let begin = start {
                words.append(begin..<index)
                start = nil
            }
        }
        if let start { words.append(start..<line.writerIndex) }
        return words
    }
}
