import Changes
import LMDB

/// Walks the log from its oldest block on, as far as the blocks are unwanted: each by at least one bound of a retention.
///
/// Whole blocks go, but for the bound on revisions, which also cuts in the middle of one.
struct RetentionWalk {
    private let retention: Retention
    private let meta: Meta
    /// What is to be kept of the revisions begins here.
    private let firstOfRevisions: Revision
    private let now: Int64
    /// No further than to here.
    private let end: Revision
    /// Everything before this revision lies in unwanted blocks, or is dropped.
    private var next: Revision
    /// Bytes of the blocks from `next` on.
    private var bytes: Int64
    /// Whether a block was found that is wanted, or the end.
    private(set) var isDone = false

    /// `now` in milliseconds since 1970; `head` the newest revision, which always stays; `floor` the lowest that must stay
    /// for another reason.
    init(_ retention: Retention, now: Int64, meta: Meta, head: Revision, floor: Revision? = nil) {
        self.retention = retention
        self.now = now
        self.meta = meta
        firstOfRevisions = retention.revisions.map { head - Revision(min($0, Int(head))) + 1 } ?? 0
        end = min(head, floor ?? head)
        next = meta.dropped
        bytes = meta.logBytes
    }

    /// The first revision to be kept.
    var firstKept: Revision { max(meta.earliest, min(end, max(next, firstOfRevisions))) }

    /// Whether a bound is exceeded by so much that a compaction is worth it.
    func isDue(_ log: Database, _ transaction: borrowing ReadTransaction) throws -> Bool {
        guard meta.earliest < end else { return false }
        if let revisions = retention.revisions {
            let over = firstOfRevisions - meta.earliest
            if over > Revision(revisions / Limits.retentionSlack) { return true }
        }
        if let bound = retention.bytes.map(Int64.init),
            meta.logBytes - bound > bound / Int64(Limits.retentionSlack), meta.blocks > 1
        {
            return true
        }
        guard let age = retention.age?.milliseconds else { return false }
        var cursor = try transaction.cursor(log)
        let oldest = try withUnsafeBytes(of: next.bigEndian) { try cursor.seek(atOrBefore: $0) }
        return try oldest.map { try isOlder($0, than: now - age - age / Int64(Limits.retentionSlack)) } ?? false
    }

    /// Goes on for a bounded number of blocks.
    mutating func step(_ log: Database, _ transaction: borrowing ReadTransaction) throws {
        var cursor = try transaction.cursor(log)
        var entry = try withUnsafeBytes(of: next.bigEndian) { try cursor.seek(atOrBefore: $0) }
        for _ in 0..<Limits.retentionBlocks {
            guard next < end, let block = entry else {
                isDone = true
                return
            }
            entry = try cursor.next()
            let following = try entry.map { try Block.firstRevision($0.key) }
            guard try isUnwanted(block, before: following) else {
                isDone = true
                return
            }
            bytes -= Int64(block.value.count)
            next = following ?? meta.checkpoint + 1
        }
    }

    /// `following` is the first revision after the block; nil if it is the newest.
    private func isUnwanted(_ block: ReadCursor.Entry, before following: Revision?) throws -> Bool {
        if (following ?? meta.checkpoint + 1) <= max(firstOfRevisions, meta.earliest) { return true }
        if let bound = retention.bytes, bytes > bound, following != nil { return true }
        guard let age = retention.age?.milliseconds else { return false }
        return try isOlder(block, than: now - age)
    }

    /// Whether all of a block was committed before `milliseconds`, by the times that it carries.
    private func isOlder(_ block: ReadCursor.Entry, than milliseconds: Int64) throws -> Bool {
        let first = try Block.firstRevision(block.key)
        do throws(Malformed) {
            // The header alone may keep a block, but nothing goes before the checksum was compared.
            if try Block.header(block.value).milliseconds >= milliseconds { return false }
            let records = try Block.decode(block.value, firstRevision: first)
            return records.commitTimes.allSatisfy { $0.milliseconds < milliseconds }
        } catch {
            throw StoreError.damagedBlock(first, error.reason)
        }
    }
}
