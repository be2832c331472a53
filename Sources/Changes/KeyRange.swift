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
        switch self {
        case .key(let only):
            return only.withUnsafeBytes { compareBytes(key, $0) == 0 }
        case .prefix(let prefix):
            return prefix.withUnsafeBytes { prefix in
                prefix.count <= key.count && compareBytes(.init(rebasing: key[..<prefix.count]), prefix) == 0
            }
        case .range(let start, let end):
            return start.withUnsafeBytes { compareBytes(key, $0) >= 0 }
                && end.withUnsafeBytes { compareBytes(key, $0) < 0 }
        case .from(let start):
            return start.withUnsafeBytes { compareBytes(key, $0) >= 0 }
        }
    }
}
