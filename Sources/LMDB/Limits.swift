/// The bounds of this module, each in one place.
enum Limits {
    /// How many finished read transactions are kept for the next readers. More are ended for good.
    static let idleReadTransactions = 64
    /// How long a remap waits for the transactions of this process to end before it gives up, in milliseconds.
    static let remapWaitMilliseconds: Int64 = 60_000
    /// How long a new transaction lets a waiting remap go first, in milliseconds.
    static let yieldToRemapMilliseconds: Int64 = 50
    /// How often one transaction may find the map too small before it fails. The map doubles each time.
    static let remapsPerTransaction = 40
    /// The largest map that growth makes, in bytes. Well inside the 47 bits of user address space.
    static let largestMapBytes = 1 << 46
    /// The greatest height of a tree, LMDB's own limit.
    static let treeDepth = 32
    /// What an entry takes of a leaf at least, with a key of one byte and the place of its node.
    static let nodeBytes = 11
    /// How often an environment whose file another process has just replaced is opened anew, and the time between.
    static let openings = 100
    static let openingPauseNanoseconds = 10_000_000
    /// How often a file that looks damaged is looked at anew, because a writer may have been at work on it.
    static let inspections = 3
    /// Reads that opening may spend on verifying the file, each of a page of a tree or of the head of a value with pages
    /// of its own: about a tenth of a millisecond.
    static let readsAtOpening = 64
    /// The same for the first use of what opening did not get to: some ten milliseconds. Of a file that takes more nothing
    /// else is verified, until ``Environment/verifyPages()`` is called.
    static let readsBeforeUse = 8192
}
