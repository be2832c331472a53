/// One of the named sorted maps inside an ``Environment``: from keys of 1 to 511 bytes to values, ordered as unsigned
/// bytes. A handle, valid as long as its environment.
public struct Database: Sendable, Hashable {
    /// The name it was opened by.
    public let name: String
    /// LMDB's number for it.
    let handle: UInt32
}

/// How much there is in a database.
public struct DatabaseStatistics: Sendable, Hashable {
    /// How many keys.
    public var entries: Int
    /// The height of the tree; 0 if it is empty.
    public var depth: Int
    public var branchPages: Int
    public var leafPages: Int
    /// Pages of values that do not fit a leaf.
    public var overflowPages: Int
    /// The size of a page, in bytes.
    public var pageBytes: Int

    /// What all its pages take, in bytes.
    public var bytes: Int { (branchPages + leafPages + overflowPages) * pageBytes }
}
