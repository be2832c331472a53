import Changes
import LMDB

// Sealing merges neighbouring blocks of the log that fit into one, oldest first, so that a log written one record at a
// time ends like one written in batches.
//
// `Meta.sealed` is where it goes on: the start of a block. From there blocks are gathered until the next one does not
// fit (`Limits.blockBytes`, `Limits.blockRecords`). What was gathered becomes one block under the key of the first, the
// others are deleted, and `sealed` moves behind it: it will not be touched again, since what follows does not fit. A
// block that stays alone is compressed with more effort, and replaced if that pays.
//
// The last blocks, to which nothing was found that does not fit, wait until there is enough for a full one; so each
// record is rewritten once. Only who asks for it has them merged at once, and then `sealed` stays before them, so that
// the next ones can join them.

extension LogWriter {
    /// Whether there may be blocks to merge, or to make denser, without touching the last ones.
    var hasSealingWork: Bool {
        unsealedBytes >= Limits.blockBytes || meta.checkpoint - unsealed + 1 >= Limits.blockRecords
    }

    /// Where sealing goes on: in the first block that it has not been through and compaction has left.
    private var unsealed: Revision { max(meta.sealed, meta.dropped) }

    /// Seals a bounded stretch of the log. With `completely` also the last blocks, if it gets there.
    ///
    /// - Returns: whether it came to the end of the log.
    mutating func sealingStep(completely: Bool) throws -> Bool {
        // Most often there is nothing to do after an opening, and so nothing to write.
        var last = try storeErrors { try environment.withRead { try gather(from: unsealed, $0) } } as BlockGroup?
        if let last, last.isLast, !completely || last.blocks.count < 2 {
            unsealedBytes = Int64(last.rawBytes)
            return true
        }
        meta = try commit { next, transaction in
            last = try seal(&next, completely: completely, transaction)
            Failpoint.reach(.sealingStepWritten)
        }
        unsealedBytes = Int64(last?.rawBytes ?? Limits.blockBytes)
        Failpoint.reach(.sealingStepCommitted)
        return last != nil
    }

    /// Returns the last blocks, if it got there.
    private func seal(
        _ next: inout Meta, completely: Bool, _ transaction: borrowing WriteTransaction
    ) throws -> BlockGroup? {
        var position = unsealed
        var bytes = 0
        let limit = position + Int64(Limits.sealingRecords)
        while bytes < Limits.sealingBytes, position < limit {
            let group = try gather(from: position, transaction)
            if !group.isLast || completely { try replace(group, &next, transaction) }
            if group.isLast { return group }
            bytes += group.rawBytes
            position = group.end
            next.sealed = position
        }
        return nil
    }

    /// The blocks from the one with `revision` on that fit into one.
    private func gather<Access>(
        from revision: Revision, _ transaction: borrowing Transaction<Access>
    ) throws -> BlockGroup {
        var group = BlockGroup(end: revision)
        guard revision <= meta.checkpoint else { return group }
        var cursor = try transaction.cursor(databases.log)
        var found = try withUnsafeBytes(of: revision.bigEndian) { try cursor.seek(atOrBefore: $0) }
        while let entry = found {
            let first = try Block.firstRevision(entry.key)
            let header: Block.Header
            do throws(Malformed) {
                header = try Block.header(entry.value)
            } catch {
                throw StoreError.damagedBlock(first, error.reason)
            }
            guard group.blocks.isEmpty ? first <= revision : first == group.end else {
                throw StoreError.missing(group.end)
            }
            guard group.hasRoom(for: header) else {
                group.isLast = false
                return group
            }
            group.add(first, header)
            found = try cursor.next()
        }
        guard group.end == meta.checkpoint + 1 else { throw StoreError.missing(group.end) }
        group.isLast = !group.isFull
        return group
    }

    /// Puts one block in the place of those in `group`, unless that saves nothing.
    private func replace(
        _ group: BlockGroup, _ next: inout Meta, _ transaction: borrowing WriteTransaction
    ) throws {
        guard let first = group.blocks.first else { return }
        if group.blocks.count == 1 {
            if group.rawBytes <= Limits.sealingBytes { try densify(first, &next, transaction) }
            return
        }
        var builder = BlockBuilder(firstRevision: first)
        for revision in group.blocks {
            try withUnsafeBytes(of: revision.bigEndian) { key in
                guard let value = try transaction.get(databases.log, key) else { throw StoreError.missing(revision) }
                let (block, stored, raw) = try Self.block(revision, value)
                for record in 0..<block.recordCount { builder.append(block, record: record) }
                next.blocks -= 1
                next.logBytes -= Int64(stored)
                next.logRawBytes -= Int64(raw)
                if revision != first { try transaction.delete(databases.log, key) }
            }
        }
        let (bytes, raw) = builder.finish(.dense)
        try withUnsafeBytes(of: first.bigEndian) { key in
            try bytes.withUnsafeBytes { try transaction.put(databases.log, key, $0) }
        }
        next.blocks += 1
        next.logBytes += Int64(bytes.count)
        next.logRawBytes += Int64(raw)
    }

    private func densify(
        _ first: Revision, _ next: inout Meta, _ transaction: borrowing WriteTransaction
    ) throws {
        try withUnsafeBytes(of: first.bigEndian) { key in
            guard let value = try transaction.get(databases.log, key) else { throw StoreError.missing(first) }
            let dense: [UInt8]
            do throws(Malformed) {
                dense = try Block.dense(value, firstRevision: first)
            } catch {
                throw StoreError.damagedBlock(first, error.reason)
            }
            let saved = value.count - dense.count
            guard saved * 100 >= value.count * Limits.densePercent else { return }
            try dense.withUnsafeBytes { try transaction.put(databases.log, key, $0) }
            next.logBytes -= Int64(saved)
        }
    }
}

/// Neighbouring blocks that fit into one.
private struct BlockGroup {
    /// Their first revisions.
    private(set) var blocks: [Revision] = []
    private(set) var rawBytes = 0
    private(set) var recordCount = 0
    /// The revision after the last one.
    private(set) var end: Revision
    /// Nothing comes after them yet, and something may still fit.
    var isLast = true

    init(end: Revision) {
        self.end = end
    }

    var isFull: Bool { rawBytes >= Limits.blockBytes || recordCount >= Limits.blockRecords }

    /// Whether the next block fits.
    func hasRoom(for header: Block.Header) -> Bool {
        blocks.isEmpty
            || rawBytes + header.rawLength <= Limits.blockBytes
                && recordCount + header.recordCount <= Limits.blockRecords
    }

    mutating func add(_ first: Revision, _ header: Block.Header) {
        blocks.append(first)
        rawBytes += header.rawLength
        recordCount += header.recordCount
        end = first + Int64(header.recordCount)
    }
}
