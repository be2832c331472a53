/// How much history a store keeps. What any of the bounds no longer wants goes; without one, everything stays.
///
/// ```swift
/// var options = StoreOptions()
/// options.log.retention = Retention(revisions: 1_000_000, age: .seconds(7 * 86_400), bytes: 4 << 30)
/// let store = try await WatchStore.open("config-data", options: options)
/// ```
///
/// The state of the keys is never touched, whatever its age: only the changes that led to it are forgotten.
///
/// A bound says what is kept at least. The store compacts in the background, after its checkpoints, when a bound is
/// exceeded by one sixteenth; so it keeps that much more at most, what one checkpoint adds, and what shares a block of the
/// log with something that is kept.
public struct Retention: Sendable, Hashable {
    /// So many revisions, the newest; at least 1.
    public var revisions: Int?
    /// What was committed within this time; from a millisecond up to 10 000 years.
    ///
    /// Each revision counts by the commit time that it carries. History goes from its oldest end, up to the first block of
    /// the log that has a younger revision in it. So a clock that was set back loses nothing, and revisions that were
    /// committed under a clock that was ahead are kept, with all that follow them, until the time that they carry is over.
    public var age: Duration?
    /// So many bytes of the log as stored (``StoreStatistics/logBytes``); at least 1. The newest block always stays.
    public var bytes: Int?

    /// A retention by these bounds, together.
    public init(revisions: Int? = nil, age: Duration? = nil, bytes: Int? = nil) {
        self.revisions = revisions
        self.age = age
        self.bytes = bytes
    }

    /// Whether everything is kept.
    public var isUnlimited: Bool { revisions == nil && age == nil && bytes == nil }

    /// - Throws: `.invalidArgument` if a bound is none.
    package func validate() throws(StoreError) {
        if let revisions, revisions < 1 {
            throw StoreError(.invalidArgument, "retention.revisions is \(revisions); it must be at least 1")
        }
        if let age, age < .milliseconds(1) || age > Limits.longestAge {
            throw StoreError(
                .invalidArgument, "retention.age is \(age); it must be from a millisecond up to \(Limits.longestAge)")
        }
        if let bytes, bytes < 1 {
            throw StoreError(.invalidArgument, "retention.bytes is \(bytes); it must be at least 1")
        }
    }

    /// How long the store sleeps at most before it looks again for what has become too old; nil if nothing does.
    var interval: Double? {
        age.map {
            min(
                max($0.seconds / Double(Limits.retentionSlack), Limits.retentionSeconds.lowerBound),
                Limits.retentionSeconds.upperBound)
        }
    }
}
