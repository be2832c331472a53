import NIOCore

/// Redis's protocol, version 2. A request is an array of strings. A reply is made of items; each begins with a line of
/// a byte that says what it is and a number or text:
///
///     *2         an array: this many items follow, which may be arrays
///     $5         a string of that many bytes follows, and a line's end; -1 for null
///     :7         a number
///     +OK        a text
///     -ERR why   an error
enum RESPItem {
    case array(Int)
    case bytes(Range<Int>)
    case null
    case number(Int)
    case text(Range<Int>)
    case error(Range<Int>)

    /// How many items belong to this one.
    var children: Int {
        if case .array(let count) = self { max(count, 0) } else { 0 }
    }

    /// The item that begins at `index`, and the index after it; nil if it has not come in full.
    static func read(_ buffer: ByteBuffer, at index: Int) throws -> (item: RESPItem, end: Int)? {
        guard let kind = buffer.getInteger(at: index, as: UInt8.self),
            let lineEnd = buffer.index(of: UInt8(ascii: "\n"), from: index), lineEnd > index + 1
        else { return nil }
        let line = index + 1..<lineEnd - 1
        let end = lineEnd + 1
        switch kind {
        case UInt8(ascii: "+"): return (.text(line), end)
        case UInt8(ascii: "-"): return (.error(line), end)
        default: break
        }
        guard let number = buffer.number(in: line) else { throw PeerError("not a reply of Redis") }
        switch kind {
        case UInt8(ascii: ":"): return (.number(number), end)
        case UInt8(ascii: "*"): return number < 0 ? (.null, end) : (.array(number), end)
        case UInt8(ascii: "$"):
            if number < 0 { return (.null, end) }
            guard end + number + 2 <= buffer.writerIndex else { return nil }
            return (.bytes(end..<end + number), end + number + 2)
        default: throw PeerError("not a reply of Redis")
        }
    }
}

/// Finds where replies end, going on where it stopped when more has come.
struct RESPScanner {
    private var scanned = 0
    /// How many items of the reply have not been found yet.
    private var missing = 1

    /// The next reply, taken off the buffer, if it has come in full.
    mutating func next(_ buffer: inout ByteBuffer) throws -> ByteBuffer? {
        while missing > 0 {
            guard let (item, end) = try RESPItem.read(buffer, at: buffer.readerIndex + scanned) else { return nil }
            scanned = end - buffer.readerIndex
            missing += item.children - 1
        }
        defer { (scanned, missing) = (0, 1) }
        return buffer.readSlice(length: scanned)
    }
}

/// Reads one whole reply, item by item.
struct RESPReader {
    let reply: ByteBuffer
    private var index: Int

    init(_ reply: ByteBuffer) {
        self.reply = reply
        index = reply.readerIndex
    }

    mutating func next() throws -> RESPItem {
        guard let (item, end) = try RESPItem.read(reply, at: index) else {
            throw PeerError("a reply of Redis ends early")
        }
        index = end
        if case .error(let range) = item { throw PeerError("Redis: \(text(range))") }
        return item
    }

    /// The number of items of an array; 0 for null.
    mutating func array() throws -> Int {
        switch try next() {
        case .array(let count): return count
        case .null: return 0
        default: throw PeerError("Redis did not answer with an array")
        }
    }

    mutating func bytes() throws -> Range<Int> {
        guard case .bytes(let range) = try next() else { throw PeerError("Redis did not answer with a string") }
        return range
    }

    func text(_ range: Range<Int>) -> String {
        reply.getString(at: range.lowerBound, length: range.count) ?? ""
    }
}

extension ByteBuffer {
    mutating func writeRESPArray(_ count: Int) { writeString("*\(count)\r\n") }

    mutating func writeRESP(_ string: String) {
        writeString("$\(string.utf8.count)\r\n")
        writeString(string)
        writeStaticString("\r\n")
    }

    mutating func writeRESP(_ bytes: [UInt8]) {
        writeString("$\(bytes.count)\r\n")
        writeBytes(bytes)
        writeStaticString("\r\n")
    }
}
