/// What the durable half of a store has counted since it was opened, by the process that writes it; nothing in others.
public struct LogMetrics: Sendable, Hashable {
    /// Group commits: each from its encoding until it was visible, with the wait for room if there was none.
    public var commits = DurationHistogram()
    /// Flushes of the journal.
    public var flushes = DurationHistogram()
    /// Checkpoints that moved something into LMDB, with their flushes.
    public var checkpoints = DurationHistogram()

    /// Nothing was counted yet.
    public init() {}
}
