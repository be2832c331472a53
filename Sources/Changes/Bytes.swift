/// An immutable run of bytes: a key, a value, or a slice of the block that both were read from.
///
/// Slices share the storage of what they were sliced from, so passing them on costs one reference count.
/// A string literal is its UTF-8 bytes:
///
/// ```swift
/// let key: Bytes = "services/web/1"
/// let value = Bytes([0xDE, 0xAD])
/// ```
///
/// The order is that of unsigned bytes, the order of keys in a store.
///
/// - Note: A slice keeps the whole storage alive. Copy it (`Bytes(Array(slice))`) to hold a small value for long.
public struct Bytes: Sendable {
    @usableFromInline let storage: [UInt8]
    @usableFromInline let offset: UInt32
    @usableFromInline let length: UInt32

    /// The bytes of `array`, which is shared and not copied. At most 4 GiB.
    @inlinable
    public init(_ array: [UInt8]) {
        self.init(slicing: array, offset: 0, count: array.count)
    }

    /// The UTF-8 bytes of `string`.
    @inlinable
    public init(_ string: String) {
        self.init(Array(string.utf8))
    }

    /// A copy of what `buffer` points at.
    @inlinable
    public init(copying buffer: UnsafeRawBufferPointer) {
        self.init(Array(buffer))
    }

    /// `count` bytes of `array` from `offset` on, shared. Both must lie inside the array.
    @inlinable
    public init(slicing array: [UInt8], offset: Int, count: Int) {
        precondition(offset >= 0 && count >= 0 && offset + count <= array.count, "slice outside its storage")
        self.storage = array
        self.offset = UInt32(offset)
        self.length = UInt32(count)
    }

    /// No bytes at all.
    @inlinable
    public init() {
        self.init([])
    }

    /// Calls `body` with the bytes in memory; the pointer must not leave it.
    @inlinable
    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try storage.withUnsafeBytes { whole in
            try body(UnsafeRawBufferPointer(rebasing: whole[Int(offset)..<Int(offset) + Int(length)]))
        }
    }

    /// The text, or nil if the bytes are not valid UTF-8.
    public var string: String? {
        withUnsafeBytes { String(validating: $0, as: UTF8.self) }
    }

    /// Whether the bytes begin with `prefix`.
    @inlinable
    public func hasPrefix(_ prefix: Bytes) -> Bool {
        prefix.count <= count && self[0..<prefix.count] == prefix
    }

    /// The smallest key that is greater than every key beginning with these bytes; nil if there is none (all 0xFF).
    public var prefixEnd: Bytes? {
        var end = Array(self)
        while let last = end.popLast() {
            if last < 0xFF {
                end.append(last + 1)
                return Bytes(end)
            }
        }
        return nil
    }

    /// The smallest key that is greater than this one: these bytes and a zero.
    public var successor: Bytes {
        Bytes(Array(self) + [0])
    }
}

extension Bytes: RandomAccessCollection {
    public typealias SubSequence = Bytes

    @inlinable public var startIndex: Int { 0 }
    @inlinable public var endIndex: Int { Int(length) }

    /// The byte at `position`, counted from 0.
    @inlinable
    public subscript(position: Int) -> UInt8 {
        precondition(position >= 0 && position < count, "index outside the bytes")
        return storage[Int(offset) + position]
    }

    /// A slice whose own indices start again at 0.
    @inlinable
    public subscript(bounds: Range<Int>) -> Bytes {
        precondition(bounds.lowerBound >= 0 && bounds.upperBound <= count, "range outside the bytes")
        return Bytes(slicing: storage, offset: Int(offset) + bounds.lowerBound, count: bounds.count)
    }

    @inlinable
    public func withContiguousStorageIfAvailable<R>(_ body: (UnsafeBufferPointer<UInt8>) throws -> R) rethrows -> R? {
        try storage.withUnsafeBufferPointer { whole in
            try body(UnsafeBufferPointer(rebasing: whole[Int(offset)..<Int(offset) + Int(length)]))
        }
    }
}

extension Bytes: Hashable, Comparable {
    @inlinable
    public static func == (a: Bytes, b: Bytes) -> Bool {
        a.length == b.length && compare(a, b) == 0
    }

    @inlinable
    public static func < (a: Bytes, b: Bytes) -> Bool {
        compare(a, b) < 0
    }

    @inlinable
    static func compare(_ a: Bytes, _ b: Bytes) -> Int {
        a.withUnsafeBytes { a in b.withUnsafeBytes { b in compareBytes(a, b) } }
    }

    @inlinable
    public func hash(into hasher: inout Hasher) {
        withUnsafeBytes { hasher.combine(bytes: $0) }
    }
}

extension Bytes: ExpressibleByStringInterpolation, CustomStringConvertible {
    public init(stringLiteral value: String) {
        self.init(value)
    }

    /// The text where it is printable UTF-8, otherwise with `\xNN` for what is not.
    public var description: String {
        if let text = string, !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
            return text
        }
        return map { byte in
            if byte >= 0x20 && byte < 0x7F && byte != UInt8(ascii: "\\") {
                return String(UnicodeScalar(byte))
            }
            return "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }
}
