public import Changes
public import RevisionLog
import Threads

extension WatchStore {
    /// Forgets the history before `revision`, which stays readable itself, and gives the space back. Returns when that is
    /// done; reads, writes and watches go on meanwhile. A watch that still had to read what is gone fails with
    /// `.compacted`.
    ///
    /// A cursor that holds what is before `revision` (``CursorHold``) forbids it, unless `overridesCursors`; then its
    /// next watch fails with `.compacted`, or with `.cursorFailed` if it chooses so.
    ///
    /// - Throws: `.compacted` if that was done before, `.futureRevision` if `revision` is newer than ``head``, `.held` with
    ///   the name of a cursor that forbids it.
    public func compact(through revision: Revision, overridesCursors: Bool = false) async throws {
        let (log, _) = try requireCommitter()
        try await withCheckedThrowingContinuation { continuation in
            log.compact(through: revision, overridesCursors: overridesCursors) { continuation.resume(with: $0) }
        }
    }

    /// Applies `retention` once: forgets what any of its bounds no longer wants, without the slack that
    /// ``LogOptions/retention`` has. Returns the oldest revision that can be read then.
    ///
    /// - Throws: `.invalidArgument` if a bound is none, `.held` with the name of a cursor that forbids it.
    @discardableResult
    public func compact(keeping retention: Retention, overridesCursors: Bool = false) async throws -> Revision {
        let (log, _) = try requireCommitter()
        try retention.validate()
        let reader = reader
        let revision = try await onThread {
            try log.checkpoint()
            return try reader.firstKept(by: retention, now: wallClockMilliseconds())
        }
        if revision > earliest {
            do {
                try await compact(through: revision, overridesCursors: overridesCursors)
            } catch let error as StoreError where error.code == .compacted {
                // Another compaction went further meanwhile.
            }
        }
        return earliest
    }

    /// What ``compact(through:)`` would forget. Costs what it says: each block that would go is looked at.
    ///
    /// - Throws: `.futureRevision` if `revision` is newer than ``head``.
    public func compactionPreview(through revision: Revision) throws -> CompactionPreview {
        try requireOpen()
        return try reader.compactionPreview(through: revision)
    }

    /// What ``compact(keeping:)`` would forget, if what is in the journal still stayed there.
    ///
    /// - Throws: `.invalidArgument` if a bound is none.
    public func compactionPreview(keeping retention: Retention) throws -> CompactionPreview {
        try requireOpen()
        try retention.validate()
        return try reader.compactionPreview(
            through: reader.firstKept(by: retention, now: wallClockMilliseconds()))
    }
}
