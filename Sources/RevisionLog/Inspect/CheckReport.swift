public import Changes

/// What a check of a store found.
public struct CheckReport: Sendable, Hashable {
    /// One thing that is wrong, and where.
    public struct Problem: Sendable, Hashable, CustomStringConvertible {
        /// Which part: `file` (LMDB's pages), `log`, `state`, `base`, `cursors`, `meta`, `journal`.
        public var part: String
        /// The block's first revision, the key, or the file and offset.
        public var place: String
        /// The revision concerned, if it is known.
        public var revision: Revision?
        /// What is wrong there.
        public var message: String

        /// A problem.
        public init(part: String, place: String, revision: Revision? = nil, message: String) {
            self.part = part
            self.place = place
            self.revision = revision
            self.message = message
        }

        /// The place and what is wrong, on one line.
        public var description: String { "\(part) \(place): \(message)" }
    }

    /// What is wrong, at most 100 things.
    public var problems: [Problem] = []
    /// Blocks of the log that were read.
    public var blocks = 0
    /// Revisions that were read, those in the journal included.
    public var revisions = 0
    /// Changes in these revisions.
    public var changes = 0
    /// Keys, tombstones included.
    public var keys = 0
    /// Whether each version chain and the reconstruction of every revision was verified too.
    public var deep: Bool
    /// Whether checking stopped at the limit of problems to report.
    public var truncated = false

    /// Whether nothing is wrong.
    public var isClean: Bool { problems.isEmpty }

    /// A report of nothing yet.
    public init(deep: Bool) {
        self.deep = deep
    }
}
