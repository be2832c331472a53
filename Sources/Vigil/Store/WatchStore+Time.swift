public import Changes
import RevisionLog

extension WatchStore {
    /// The first revision that was committed at `milliseconds` since 1970 (UTC) or later; the one after ``head`` if none
    /// was yet.
    ///
    /// ```swift
    /// let hourAgo = Int64(Date().timeIntervalSince1970 * 1000) - 3_600_000
    /// let changes = try store.log(from: store.firstRevision(atOrAfter: hourAgo))
    /// ```
    ///
    /// Commit times are those of the machine's clock, and nothing makes them increase. The result is a revision of this
    /// time or later of which the one before is older. Where the clock was set back past the time there can be several
    /// such, and this is one of them. Costs a logarithm of the retained revisions.
    ///
    /// - Throws: `.compacted` if the earliest retained revision is not older than that and there were others before it.
    public func firstRevision(atOrAfter milliseconds: Int64) throws -> Revision {
        try requireOpen()
        return try reader.firstRevision(atOrAfter: milliseconds)
    }

    /// The last revision that was committed at `milliseconds` since 1970 (UTC) or before, at which to read what the keys
    /// held then; 0, the empty store, if there was none yet.
    ///
    /// - Throws: as ``firstRevision(atOrAfter:)``.
    public func lastRevision(atOrBefore milliseconds: Int64) throws -> Revision {
        guard milliseconds < .max else { return head }
        return try firstRevision(atOrAfter: milliseconds + 1) - 1
    }
}
