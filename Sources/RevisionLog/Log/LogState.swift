package import Changes
import Threads

/// What is visible at one moment: an immutable value that readers hold as long as they like.
package struct LogSnapshot: Sendable {
    /// The newest revision.
    package var head: Revision
    /// Everything up to here is in LMDB; the overlay holds what is newer.
    package var checkpoint: Revision
    /// Reads and watches begin here; 0 = never compacted.
    package var compacted: Revision
    /// Runs that a checkpoint is writing to LMDB, oldest first.
    var frozen: [OverlayRun] = []
    /// Runs newer than these, oldest first.
    var active: [OverlayRun] = []
    /// The batches behind both.
    var recent = RecentBatches()
    /// Raw bytes of these batches.
    var pendingBytes = 0
    /// What they count for, by `LogOptions.pendingBytes`.
    var load = 0
    /// By how much they change the number of keys that exist.
    var pendingKeys = 0

    /// The oldest revision that a read or a watch may start from.
    package var earliest: Revision { max(1, compacted) }

    /// The newest version of `key` since the checkpoint.
    func newest(_ key: UnsafeRawBufferPointer) -> KeyVersion? {
        for run in active.reversed() {
            if let position = run.find(key) { return run.version(position) }
        }
        for run in frozen.reversed() {
            if let position = run.find(key) { return run.version(position) }
        }
        return nil
    }

    /// Takes in the next batch, with which `active` becomes `runs`.
    fileprivate mutating func append(_ batch: ChangeBatch, _ runs: [OverlayRun]) {
        precondition(batch.firstRevision == head + 1, "revision \(batch.firstRevision) cannot follow \(head)")
        active = runs
        recent.append(batch)
        pendingBytes += batch.storage.count
        load += batch.load
        pendingKeys += batch.keyDifference
        head = batch.lastRevision
    }
}

extension ChangeBatch {
    /// What it counts for while it waits for a checkpoint, by `LogOptions.pendingBytes`.
    var load: Int { storage.count + entries.count * Limits.changeOverhead }

    /// By how much the batch changes the number of keys that exist: a put of version 1 creates, a delete removes.
    var keyDifference: Int {
        entries.reduce(0) { $0 + ($1.type == .delete ? -1 : $1.version == 1 ? 1 : 0) }
    }
}

/// The one place where what is visible changes. Held for copying and appending only, never during I/O or a merge.
final class LogState: Sendable {
    private let visible: Lock<LogSnapshot>

    init(_ snapshot: LogSnapshot) {
        visible = Lock(snapshot)
    }

    var snapshot: LogSnapshot { visible.withLock { $0 } }
    var head: Revision { visible.withLock { $0.head } }
    var load: Int { visible.withLock { $0.load } }

    /// Makes `batch` visible, and says how much load now waits for the checkpoint. For one thread at a time.
    @discardableResult
    func append(_ batch: ChangeBatch) -> Int {
        // Outside of the lock, since runs can be long: nobody else adds any. A checkpoint may set those aside that were
        // there meanwhile, and then this one begins anew.
        let before = snapshot.active
        let run = OverlayRun(batch)
        let merged = before.adding(run)
        return visible.withLock { visible in
            visible.append(batch, visible.active.isEmpty && !before.isEmpty ? [run] : merged)
            return visible.load
        }
    }

    /// Makes the batches of a journal visible that is being opened; there may be many. For one thread at a time.
    func append(_ runs: [OverlayRun]) {
        visible.withLock { visible in
            for run in runs {
                // A few are as good as one, until the checkpoint that soon follows merges them.
                let isFew = visible.active.count < Limits.unmergedRuns
                visible.active = isFew ? visible.active + [run] : visible.active.adding(run)
                for batch in run.batches { visible.append(batch, visible.active) }
            }
        }
    }

    /// Sets the runs aside that the checkpoint is about to write, together with those of an attempt that failed.
    func freeze() -> LogSnapshot {
        visible.withLock {
            $0.frozen += $0.active
            $0.active = []
            return $0
        }
    }

    /// LMDB now holds what `frozen`, a result of `freeze`, held.
    func checkpointed(_ frozen: LogSnapshot) {
        visible.withLock {
            $0.checkpoint = frozen.head
            $0.frozen = []
            $0.recent.drop(through: frozen.head)
            $0.pendingBytes -= frozen.pendingBytes
            $0.load -= frozen.load
            $0.pendingKeys -= frozen.pendingKeys
        }
    }

    /// History now begins at `revision`.
    func compacted(through revision: Revision) {
        visible.withLock { $0.compacted = max($0.compacted, revision) }
    }

    /// Starts anew from what LMDB holds: for a follower that lost its place in the journal.
    func restart(checkpoint: Revision, compacted: Revision) {
        visible.withLock {
            $0 = LogSnapshot(head: checkpoint, checkpoint: checkpoint, compacted: max($0.compacted, compacted))
        }
    }

    /// Forgets what LMDB holds by now: for a follower, whose checkpoints another process makes.
    func advance(checkpoint: Revision, compacted: Revision) {
        visible.withLock { visible in
            visible.compacted = max(visible.compacted, compacted)
            guard checkpoint > visible.checkpoint, checkpoint <= visible.head else { return }
            var next = LogSnapshot(head: checkpoint, checkpoint: checkpoint, compacted: visible.compacted)
            visible.recent.forEach(from: checkpoint + 1) { batch in
                next.append(batch, next.active.adding(OverlayRun(batch)))
                return true
            }
            visible = next
        }
    }
}
