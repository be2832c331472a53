/// Which keys: one, all with a prefix, or an interval. Keys are ordered as unsigned bytes.
///
/// ```swift
/// KeyRange.key("services/web")            // that key
/// KeyRange.prefix("services/")            // every key beginning so
/// KeyRange.range("a", "m")                // "a" included, "m" not
/// KeyRange.from("m")                      // "m" and everything after it
/// KeyRange.all
/// ```
public enum KeyRange: Sendable, Hashable {
    /// Exactly this key.
    case key(Bytes)
    /// Every key that begins with these bytes; the empty prefix means every key.
    case prefix(Bytes)
    /// From the first, included, to the second, not included. Empty if the second is not greater.
    case range(Bytes, Bytes)
    /// From this key on.
    case from(Bytes)

    /// Every key.
    public static let all = KeyRange.prefix(Bytes())

    /// The smallest key that may be in the range.
    public var lowerBound: Bytes {
        switch self {
        case .key(let key), .prefix(let key), .range(let key, _), .from(let key): key
        }
    }

    /// The smallest key that is greater than all in the range; nil if nothing bounds it.
    public var upperBound: Bytes? {
        switch self {
        case .key(let key): key.successor
        case .prefix(let prefix): prefix.prefixEnd
        case .range(_, let end): end
        case .from: nil
        }
    }

    /// Whether no key can be in it.
    public var isEmpty: Bool {
        if case .range(let start, let end) = self { return end <= start }
        return false
    }

    /// Whether `key` is in the range.
    @inlinable
    public func contains(_ key: Bytes) -> Bool {
        key.withUnsafeBytes { contains($0) }
    }

    /// Whether the key in memory at `key` is in the range.
    @inlinable
    public func contains(_ key: UnsafeRawBufferPointer) -> Bool {
        withMatcher { $0.contains(key) }
    }

    /// Calls `body` with the range in memory, for who asks about many keys; it must not leave it.
    @inlinable
    package func withMatcher<R>(_ body: (KeyMatcher) throws -> R) rethrows -> R {
        switch self {
        case .key(let only): try only.withUnsafeBytes { try body(.key($0)) }
        case .prefix(let prefix): try prefix.withUnsafeBytes { try body(.prefix($0)) }
        case .range(let start, let end):
            try start.withUnsafeBytes { start in try end.withUnsafeBytes { try body(.range(start, $0)) } }
        case .from(let start): try start.withUnsafeBytes { try body(.from($0)) }
        }
    }
}

/// A ``KeyRange`` in memory: to ask it counts no references.
@usableFromInline
package enum KeyMatcher: BitwiseCopyable {
    case key(UnsafeRawBufferPointer)
    case prefix(UnsafeRawBufferPointer)
    case range(UnsafeRawBufferPointer, UnsafeRawBufferPointer)
    case from(UnsafeRawBufferPointer)

    @inlinable
    package func contains(_ key: UnsafeRawBufferPointer) -> Bool {
        switch self {
        case .key(let only): key.count == only.count && compareBytes(key, only) == 0
        case .prefix(let prefix):
            prefix.count <= key.count && compareBytes(.init(rebasing: key[..<prefix.count]), prefix) == 0
        case .range(let start, let end): compareBytes(key, start) >= 0 && compareBytes(key, end) < 0
        case .from(let start): compareBytes(key, start) >= 0
        }
    }
}
