/// How much history a cursor may keep from being dropped, and what becomes of it beyond that.
///
/// ```swift
/// let hold = CursorHold(age: .seconds(7 * 24 * 3600), bytes: 10 << 30, then: .release)
/// ```
///
/// There is always a bound, so that a cursor that nobody reads any more never fills the disk; the first one that is
/// exceeded counts. Whether it is, is found out whenever history is about to be dropped.
public struct CursorHold: Sendable, Hashable {
    /// What happens beyond the bound.
    public enum Overflow: String, Sendable, Hashable {
        /// The history may be dropped. If it is, the cursor's next watch fails with `.compacted`, which says what is
        /// still there; as long as it is not, the cursor goes on, and holds again when it is within its bound.
        case release
        /// As `release`, and the cursor fails: its watch ends, and each later one is refused with `.cursorFailed`,
        /// until it is set. For a reader that has to be started afresh and must not just go on late.
        case fail
    }

    /// Revisions between the cursor and the newest; nil for no bound.
    public var revisions: Int64?
    /// Time since the first revision that was not acknowledged was committed, to the millisecond; nil for no bound.
    public var age: Duration?
    /// Bytes of the log, as stored, from the cursor on; nil for no bound.
    public var bytes: Int?
    /// What happens beyond.
    public var then: Overflow

    /// A hold within the bounds that are given: at least one.
    public init(
        revisions: Int64? = nil, age: Duration? = nil, bytes: Int? = nil, then: Overflow = .release
    ) {
        self.revisions = revisions
        self.age = age
        self.bytes = bytes
        self.then = then
    }

    /// Throws unless there is a bound, and each is positive.
    package func validate() throws(StoreError) {
        guard revisions != nil || age != nil || bytes != nil else {
            throw StoreError(
                .invalidArgument,
                "the hold has no bound; give it revisions, an age or bytes, or a forgotten cursor would fill the disk")
        }
        guard revisions ?? 1 >= 1, age.map({ $0.milliseconds }) ?? 1 >= 1, bytes ?? 1 >= 1 else {
            throw StoreError(
                .invalidArgument, "a bound of the hold is not positive: \(self); the least are 1, 1 ms and 1 byte")
        }
    }

    /// Whether a cursor that is behind by `lag` is within the bounds.
    func covers(_ lag: CursorLag) -> Bool {
        if let revisions, lag.revisions > revisions { return false }
        if let age, lag.age > age { return false }
        if let bytes, lag.bytes > bytes { return false }
        return true
    }
}

extension Duration {
    /// Whole milliseconds, rounded down, as far as 64 bits go.
    package var milliseconds: Int64 {
        let (whole, overflow) = components.seconds.multipliedReportingOverflow(by: 1000)
        if overflow { return components.seconds < 0 ? .min : .max }
        let (sum, tooLarge) = whole.addingReportingOverflow(components.attoseconds / 1_000_000_000_000_000)
        return tooLarge ? .max : sum
    }
}
