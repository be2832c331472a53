import Vigil

/// What commands do with a store, whether it is in a directory or behind a server. Each is as `WatchStore` has it.
protocol CommandStore: Sendable {
    var head: Revision { get async throws }
    var earliest: Revision { get async throws }
    func firstRevision(atOrAfter milliseconds: Int64) async throws -> Revision
    func lastRevision(atOrBefore milliseconds: Int64) async throws -> Revision

    func get(_ key: Bytes, at revision: Revision?) async throws -> KeyValue?
    /// In ascending order. A page: there may be more before the limit is reached.
    func range(_ keys: KeyRange, _ options: RangeOptions) async throws -> RangeResult
    func log(
        _ keys: KeyRange, from: Revision, through: Revision?, limit: Int, bytes: Int
    ) async throws -> (updates: [WatchUpdate], next: Revision?)
    func history(of key: Bytes, limit: Int) async throws -> [WatchEvent]
    func show(_ revision: Revision) async throws -> (update: WatchUpdate, block: StoredBlock)

    func put(_ key: Bytes, _ value: Bytes) async throws -> Revision
    func put(_ key: Bytes, _ value: Bytes, lease: Int64) async throws -> Revision
    func delete(_ key: Bytes) async throws -> DeleteResult
    func deleteRange(_ keys: KeyRange) async throws -> DeleteResult
    /// Each a revision of its own. One that fails does not keep the others from being made.
    func commit(_ transactions: [[Transaction.Operation]]) async throws -> [Result<DeleteResult, StoreError>]

    /// Named differently from `watch`, whose result is not a protocol's.
    func follow(_ keys: KeyRange, from start: WatchStart, options: WatchOptions) async throws -> any CommandWatch

    func cursors() async throws -> [WatchCursor]
    func cursor(_ name: String) async throws -> WatchCursor?
    func setCursor(_ name: String, to position: CursorPosition) async throws
    func setCursor(_ name: String, hold: CursorHold?) async throws
    func removeCursor(_ name: String) async throws -> Bool

    /// Whether another process has it open for writing, and time passes for its leases.
    var isServed: Bool { get }
    func leases() async throws -> [Lease]
    func lease(_ id: Int64) async throws -> Lease?
    func keys(ofLease id: Int64) async throws -> [Bytes]
    func grantLease(seconds: Int64, id: Int64) async throws -> Lease
    func revokeLease(_ id: Int64) async throws -> Revision
    func keepLeaseAlive(_ id: Int64) async throws -> Lease?

    func compact(through revision: Revision, overridesCursors: Bool) async throws
    func compact(keeping retention: Retention, overridesCursors: Bool) async throws -> Revision
    func compactionPreview(through revision: Revision) async throws -> CompactionPreview
    func compactionPreview(keeping retention: Retention) async throws -> CompactionPreview
    func statistics() async throws -> StoreStatistics
    func seal(progress: (@Sendable (Int64, Int64) -> Void)?) async throws
    func shrink() async throws -> (before: Int, after: Int)
    func check(deep: Bool, progress: (@Sendable (Int64, Int64) -> Void)?) async throws -> CheckReport
    func backup(
        to path: String, options: BackupOptions, progress: (@Sendable (Int64, Int64) -> Void)?
    ) async throws -> BackupReport
}

/// A watch of such a store, acknowledged explicitly if it has a cursor. Each is as `Watch` has it.
protocol CommandWatch: AnyObject, Sendable {
    var resumeRevision: Revision { get }
    func next() async throws -> WatchElement?
    func cancel()
    func requestProgress() async throws
    /// What was delivered is handled.
    func acknowledge() async throws
    func flushAcknowledged() async throws
}
