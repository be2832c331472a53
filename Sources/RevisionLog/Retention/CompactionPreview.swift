public import Changes

/// What a compaction would do.
public struct CompactionPreview: Sendable, Hashable {
    /// The oldest revision that can be read now.
    public var earliest: Revision
    /// The oldest that could be read afterwards.
    public var firstKept: Revision
    /// Blocks of the log that would go: those that have nothing of `firstKept` or later.
    public var blocks = 0
    /// Bytes of these blocks, as stored.
    public var bytes = 0
    /// When the first and the last of the revisions were committed that would go, in milliseconds since 1970; nil if none
    /// would.
    public var times: ClosedRange<Int64>?

    /// Revisions that would go.
    public var revisions: Int { Int(firstKept - earliest) }

    /// A compaction that has yet to find blocks.
    package init(earliest: Revision, firstKept: Revision) {
        self.earliest = earliest
        self.firstKept = firstKept
    }
}
