public import Changes

/// How to read a range of keys.
public struct RangeOptions: Sendable {
    /// The order of the keys, which is that of unsigned bytes.
    public enum Order: Sendable { case ascending, descending }

    /// The revision to read at; nil for the newest.
    public var revision: Revision?
    /// At most so many keys; nil for all.
    public var limit: Int?
    /// Reads no more keys once keys and values are so many bytes; nil for no such bound. What is kept back counts as by
    /// `limit`.
    public var bytes: Int?
    /// Which keys come first, and so which ones `limit` leaves.
    public var order: Order = .ascending
    /// Leaves the values empty.
    public var keysOnly = false
    /// Counts all keys of the range even when `limit` cuts the result short. Costs a walk over all of them.
    public var counts = false

    /// Everything, as it is now, in ascending order.
    public init() {}

    /// Reads at `revision`, or now.
    public init(
        at revision: Revision? = nil, limit: Int? = nil, bytes: Int? = nil, order: Order = .ascending,
        keysOnly: Bool = false, counts: Bool = false
    ) {
        self.revision = revision
        self.limit = limit
        self.bytes = bytes
        self.order = order
        self.keysOnly = keysOnly
        self.counts = counts
    }
}

/// What a range holds at one revision.
public struct RangeResult: Sendable, Hashable {
    /// In the order asked for.
    public var keyValues: [KeyValue]
    /// Whether `limit` or `bytes` left some out.
    public var more: Bool
    /// How many keys there are in the whole range; nil unless asked for.
    public var count: Int?
    /// The revision that was read.
    public var revision: Revision

    /// A result, as a test may make it.
    public init(keyValues: [KeyValue], more: Bool, count: Int?, revision: Revision) {
        self.keyValues = keyValues
        self.more = more
        self.count = count
        self.revision = revision
    }
}
