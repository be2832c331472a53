/// Every bound of this module, in one place.
enum Limits {
    /// Raw bytes of changes after which a group of commits is written, though more wait.
    static let groupBytes = 512 << 10
    /// Records in one group.
    static let groupRecords = 4096
    /// Bytes that a record of one put takes, about, besides its key and value.
    static let recordBytes = 16
    /// Writers of a group that the committer resumes by itself; more are resumed by a task.
    static let answersInPlace = 8
    /// Writes that a writer's thread commits at once; more are left to the committer's own.
    static let ledInPlace = 4
    /// Bytes for which there must be room, or the committer's own thread waits for it.
    static let ledBytes = 1 << 20
    /// The time that a group may have taken for the next to be led by a writer's thread: a disk that is slow keeps nobody
    /// but the committer's own thread waiting.
    static let ledTime = Duration.milliseconds(1)
    /// Changes of one transaction whose keys are noted among the newest versions. For more these are forgotten: they would be
    /// too large, and stay.
    static let notedChanges = 1 << 16
    /// Keys whose newest version the committer forgets by itself; more are freed by another thread.
    static let forgottenInPlace = 2048
    /// Parts of a table of versions.
    static let versionTableParts = 16
    /// Writes that may wait to be committed; each is a suspended task.
    static let waitingWrites = 1 << 20
    /// Comparisons and operations of one transaction.
    static let transactionSteps = 4096
    /// Transactions within transactions.
    static let transactionDepth = 32
    /// The least time between two looks for leases whose time is over, which may end so much late.
    static let leaseTick = Duration.milliseconds(50)
    /// The time after which ending a lease is tried again when it failed.
    static let leasePause = Duration.seconds(1)
    /// A watch that reads the log joins the live flow when it is this near to the head, in revisions.
    static let rejoinDistance: Int64 = 1024
    /// Updates of a replay that are delivered before others may have the reader's core, some ten microseconds.
    static let updatesPerYield = 128
    /// Keys in one page of a watch's state or of a range.
    static let statePageKeys = 512
    /// Keys in one page of a range that is bounded by bytes, after which they are counted.
    static let boundedPageKeys = 256
    /// Attempts to read a range anew when a compaction overtakes it.
    static let rangeAttempts = 8
}
