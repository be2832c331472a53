public import Changes
public import RevisionLog

extension WatchStore {
    /// The changes of `key`, newest first, as far as they are retained; at most `limit`. Costs what the key changed, not
    /// what the store did.
    ///
    /// - Parameter event: One of the key's changes, to go on before it; nil to begin with the newest.
    public func history(of key: Bytes, before event: WatchEvent? = nil, limit: Int = 1000) throws -> [WatchEvent] {
        try requireOpen()
        return try reader.history(of: key, before: event, limit: limit)
    }

    /// A page of the log: the updates of `keys` from revision `from` on, through `through` or the newest; at most
    /// `limit`, and no more once their keys and values are `bytes`. `next` is where the next page begins, nil at the end.
    ///
    /// - Throws: `.compacted` if `from` is before ``earliest``.
    public func log(
        _ keys: KeyRange = .all, from: Revision, through: Revision? = nil, limit: Int = 1000, bytes: Int = .max
    ) throws -> (updates: [WatchUpdate], next: Revision?) {
        try requireOpen()
        let last = min(through ?? .max, reader.head)
        guard from <= last, limit > 0 else { return ([], nil) }
        var updates: [WatchUpdate] = []
        var next = from
        var size = 0
        while next <= last, updates.count < limit, size < bytes {
            let step = try reader.scan(
                WatchFilter(keys: keys), from: next, through: last, limit: limit - updates.count)
            updates += step.updates
            if bytes < .max { size += step.updates.joined().reduce(0) { $0 + $1.key.count + $1.value.count } }
            next = step.next
        }
        return (updates, next <= last ? next : nil)
    }

    /// The whole of one revision, and how it is stored.
    public func show(_ revision: Revision) throws -> (update: WatchUpdate, block: StoredBlock) {
        try requireOpen()
        return try reader.show(revision)
    }

    /// Verifies what is stored: every block and entry against its checksum, the log for gaps. With `deep` also that
    /// the version chains hold together and that the log, the state and the base reconstruct each other. `progress` is
    /// called now and then with (revisions done, revisions in all).
    ///
    /// Reads everything. Blocks the thread it is called on.
    public func check(deep: Bool = false, progress: (@Sendable (Int64, Int64) -> Void)? = nil) throws -> CheckReport {
        try requireOpen()
        return try reader.check(deep: deep, progress: progress)
    }
}
