public import Changes
public import RevisionLog

/// A durable key-value store whose every change can be watched, from any retained revision.
public final class WatchStore: Sendable {
    init() {}
    /// Opens the store in the directory at `path`.
    public static func open(_ path: String, options: StoreOptions = StoreOptions()) async throws -> WatchStore { fatalError() }
    /// Checkpoints and closes; watches end.
    public func close() async throws { fatalError() }

    /// The newest revision that is visible; 0 in a new store.
    public var head: Revision { fatalError() }
    /// The oldest revision that a read or a watch may start from.
    public var earliest: Revision { fatalError() }

    // writes
    @discardableResult
    public func put(_ key: Bytes, _ value: Bytes, lease: Int64 = 0) async throws -> Revision { fatalError() }
    @discardableResult
    public func delete(_ key: Bytes) async throws -> DeleteResult { fatalError() }
    @discardableResult
    public func deleteRange(_ keys: KeyRange) async throws -> DeleteResult { fatalError() }
    @discardableResult
    public func transaction(_ transaction: Transaction) async throws -> TransactionResult { fatalError() }
    /// Makes revisions before `revision` unreadable and gives their space back in the background.
    public func compact(through revision: Revision) async throws { fatalError() }

    // reads
    public func get(_ key: Bytes, at revision: Revision? = nil) throws -> KeyValue? { fatalError() }
    public func range(_ keys: KeyRange, _ options: RangeOptions = RangeOptions()) throws -> RangeResult { fatalError() }

    // watching
    public func watch(_ keys: KeyRange, from start: WatchStart = .now, options: WatchOptions = WatchOptions()) throws -> Watch { fatalError() }

    // inspection
    /// The changes of `key`, newest first, through its version chain; at most `limit`.
    public func history(of key: Bytes, limit: Int = 1000) throws -> [WatchEvent] { fatalError() }
    /// A page of the log: updates with changes in `keys`, from `from` on, ascending; at most `limit`. Pass `next` as `from` for the next page; nil at the end.
    public func log(_ keys: KeyRange = .all, from: Revision, through: Revision? = nil, limit: Int = 1000) throws -> (updates: [WatchUpdate], next: Revision?) { fatalError() }
    /// One whole revision and how it is stored.
    public func show(_ revision: Revision) throws -> (update: WatchUpdate, block: StoredBlock) { fatalError() }
    public func statistics() throws -> StoreStatistics { fatalError() }
    /// Verifies blocks and checksums; with `deep` also every chain and the reconstruction of each revision. `progress` is called with (done, total) revisions.
    public func check(deep: Bool = false, progress: (@Sendable (Int64, Int64) -> Void)? = nil) throws -> CheckReport { fatalError() }
}
