public import Changes

/// What a check of a store found.
public struct CheckReport: Sendable, Hashable {
    /// One thing that is wrong, and where.
    public struct Problem: Sendable, Hashable, CustomStringConvertible {
        /// Which part: `file` (LMDB's pages), `log`, `state`, `base`, `meta`, `journal`.
        public var part: String
        /// The block's first revision, the key, or the file and offset.
        public var place: String
        /// The revision concerned, if it is known.
        public var revision: Revision?
        public var message: String

        public init(part: String, place: String, revision: Revision? = nil, message: String) {
            self.part = part
            self.place = place
            self.revision = revision
            self.message = message
        }

        public var description: String { "\(part) \(place): \(message)" }
    }

    public var problems: [Problem] = []
    public var blocks = 0
    public var revisions = 0
    public var changes = 0
    /// Keys in the state, tombstones included.
    public var keys = 0
    /// Whether each version chain and the reconstruction of every revision was verified too.
    public var deep: Bool
    /// Whether checking stopped at the limit of problems to report.
    public var truncated = false

    public var isClean: Bool { problems.isEmpty }

    public init(deep: Bool) {
        self.deep = deep
    }
}
