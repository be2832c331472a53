public import Changes

/// A durable, named position in the history: what a watch that was started from it has acknowledged.
public struct WatchCursor: Sendable, Hashable {
    /// Bytes in a name, which is UTF-8 without control characters.
    public static let nameBytes = Limits.cursorNameBytes

    /// Its name.
    public var name: String
    /// Everything up to this revision was handled; a watch goes on with the next one. 0 before the first.
    public var acknowledged: Revision
    /// When it last moved, in milliseconds since 1970.
    public var movedMilliseconds: Int64
    /// How much history it holds; nil for none.
    public var hold: CursorHold?
    /// Whether it went beyond the bound of its hold, and refuses watches until it is set.
    public var isFailed: Bool
    /// How far it is behind.
    public var lag: CursorLag
    /// Whether revisions that it has not acknowledged are gone, so that its next watch fails with `.compacted`.
    public var isCompacted: Bool

    package init(
        name: String, acknowledged: Revision, movedMilliseconds: Int64, hold: CursorHold?, isFailed: Bool,
        lag: CursorLag, isCompacted: Bool
    ) {
        self.name = name
        self.acknowledged = acknowledged
        self.movedMilliseconds = movedMilliseconds
        self.hold = hold
        self.isFailed = isFailed
        self.lag = lag
        self.isCompacted = isCompacted
    }
}

/// How far a cursor is behind.
public struct CursorLag: Sendable, Hashable {
    /// Revisions after the acknowledged one.
    public var revisions: Int64 = 0
    /// How long ago the first of these that is retained was committed.
    public var age: Duration = .zero
    /// Bytes of the blocks of the log that hold these; what is in the journal alone is not counted.
    public var bytes = 0

    /// Not behind.
    public init() {}
}

/// Where to set a cursor.
public enum CursorPosition: Sendable, Hashable {
    /// Everything up to this revision counts as handled; from one before the oldest retained up to the newest.
    case acknowledged(Revision)
    /// Nothing that is retained counts as handled.
    case earliest
    /// Everything counts as handled.
    case now
}

/// Throws unless `name` can be a cursor's.
package func validateCursorName(_ name: String) throws(StoreError) {
    let limit = Limits.cursorNameBytes
    guard limit.contains(name.utf8.count) else {
        throw StoreError(
            .invalidArgument,
            "the cursor's name has \(name.utf8.count) bytes; it must have \(limit.lowerBound) to \(limit.upperBound)")
    }
    guard name.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !(0x7F..<0xA0).contains($0.value) }) else {
        throw StoreError(.invalidArgument, "the cursor's name \"\(name.debugDescription)\" has control characters")
    }
}

extension StoreError {
    /// A watch cannot use, or go on to use, the cursor `name`.
    static func cursor(_ code: Code, _ name: String) -> StoreError {
        let reason =
            switch code {
            case .cursorNotFound: "does not exist; create it by watching from it or by setting it"
            case .cursorInUse: "is in use by another watch of this process; end that one first"
            case .cursorMoved: "was set to another position meanwhile; watch from it again"
            case .cursorFailed:
                "has failed, because more history waited for it than its hold allows; set it to use it again"
            default: "cannot be used"
            }
        return StoreError(code, "the cursor \"\(name)\" \(reason)")
    }
}
