import Changes
import LMDB

/// The work of the checkpointer thread in LMDB: moving the checkpoint forward, and compacting. One transaction each
/// time, so LMDB is a consistent store at every moment. Used by that thread only.
struct LogWriter: ~Copyable {
    let environment: Environment
    let databases: Databases
    /// What LMDB's meta entry says now.
    private(set) var meta: Meta

    init(environment: Environment, databases: Databases, meta: Meta) {
        self.environment = environment
        self.databases = databases
        self.meta = meta
    }

    /// Writes everything of `frozen` that is newer than the checkpoint: log blocks, and the newest version of each
    /// key in key order.
    mutating func checkpoint(_ frozen: LogSnapshot) throws {
        guard frozen.head > meta.checkpoint else { return }
        meta = try commit { next, transaction in
            try appendBlocks(frozen, &next, transaction)
            try writeState(frozen, next, transaction)
            next.checkpoint = frozen.head
            next.keys += Int64(frozen.pendingKeys)
        }
    }

    /// Makes `revision` the first that can be read. It must not be newer than the checkpoint.
    mutating func setCompacted(_ revision: Revision) throws {
        precondition(revision <= meta.checkpoint, "only what is in LMDB can be compacted")
        guard revision > meta.compacted else { return }
        meta = try commit { next, _ in next.compacted = revision }
    }

    /// Runs `body` in a write transaction that ends with the meta entry it made. It may run more than once, when the
    /// map has to grow.
    private func commit(
        _ body: (inout Meta, borrowing WriteTransaction) throws -> Void
    ) throws -> Meta {
        try storeErrors {
            try environment.withWrite { transaction in
                var next = meta
                try body(&next, transaction)
                try Meta.key.withUnsafeBytes { key in
                    try next.encoded().withUnsafeBytes { try transaction.put(databases.meta, key, $0) }
                }
                return next
            }
        }
    }

    private func appendBlocks(
        _ frozen: LogSnapshot, _ next: inout Meta, _ transaction: borrowing WriteTransaction
    ) throws {
        var builder = BlockBuilder(firstRevision: meta.checkpoint + 1)
        func close() throws {
            let (bytes, rawLength) = builder.finish()
            try withUnsafeBytes(of: builder.firstRevision.bigEndian) { key in
                try bytes.withUnsafeBytes { try transaction.put(databases.log, key, $0, .append) }
            }
            next.blocks += 1
            next.logBytes += Int64(bytes.count)
            next.logRawBytes += Int64(rawLength)
        }
        try frozen.recent.forEach(from: meta.checkpoint + 1) { batch in
            for record in 0..<batch.recordCount {
                if builder.isFull {
                    try close()
                    builder = BlockBuilder(firstRevision: batch.firstRevision + Int64(record))
                }
                builder.append(batch, record: record)
            }
            return true
        }
        if !builder.isEmpty { try close() }
    }

    private func writeState(
        _ frozen: LogSnapshot, _ next: Meta, _ transaction: borrowing WriteTransaction
    ) throws {
        guard let newest = frozen.frozen.merged else { return }
        var cursor = try transaction.cursor(databases.state)
        for position in newest.entries.indices {
            let key = newest.key(position)
            try key.withUnsafeBytes { bytes in
                if next.dropped > 1 { try saveToBase(bytes, next, transaction) }
                try newest.version(position).encoded(key: key).withUnsafeBytes { try cursor.put(bytes, $0) }
            }
        }
    }

    /// Before a version that the log no longer has is overwritten in `state`, it moves to `base`.
    private func saveToBase(
        _ key: UnsafeRawBufferPointer, _ next: Meta, _ transaction: borrowing WriteTransaction
    ) throws {
        guard let old = try transaction.get(databases.state, key) else { return }
        let version = try decode(old, key: key)
        guard version.type == .put, version.modRevision < next.dropped else { return }
        // The bytes lie in LMDB's map and the put may move them: copied first.
        try Array(old).withUnsafeBytes { try transaction.put(databases.base, key, $0) }
    }

    // MARK: Compaction

    /// Whether records wait to be dropped.
    var hasCompactionWork: Bool { meta.dropped < meta.compacted }

    /// Drops the oldest records below the compaction revision, a bounded number of them.
    ///
    /// A change that made its key's present version leaves `base` (`state` has it; a tombstone leaves that too).
    /// Any other put becomes the version in `base`, any other delete removes it from there. Going upwards, `base`
    /// ends with the last version below the compaction revision, for just the keys that changed since.
    mutating func compactionStep() throws {
        meta = try commit { next, transaction in
            var examined = 0
            while next.dropped < next.compacted, examined < Limits.compactionRecords {
                var cursor = try transaction.cursor(databases.log)
                let entry = try withUnsafeBytes(of: next.dropped.bigEndian) { try cursor.seek(atOrBefore: $0) }
                guard let entry else { throw StoreError.missing(next.dropped) }
                let (block, stored, raw) = try Self.block(entry)
                guard block.firstRevision <= next.dropped, next.dropped <= block.lastRevision else {
                    throw StoreError.missing(next.dropped)
                }
                let end = min(block.lastRevision + 1, next.compacted)
                for revision in next.dropped..<end {
                    for index in block.entryIndices(ofRecord: Int(revision - block.firstRevision)) {
                        try forget(block, index, revision, transaction)
                    }
                }
                examined += Int(end - next.dropped)
                next.dropped = end
                if block.lastRevision < end {
                    try cursor.deleteCurrent()
                    next.blocks -= 1
                    next.logBytes -= Int64(stored)
                    next.logRawBytes -= Int64(raw)
                }
            }
        }
    }

    private func forget(
        _ block: ChangeBatch, _ index: Int, _ revision: Revision, _ transaction: borrowing WriteTransaction
    ) throws {
        let key = block.key(index)
        let type = block.entries[index].type
        try key.withUnsafeBytes { bytes in
            let current = try transaction.get(databases.state, bytes).map { try decode($0, key: bytes) }
            if current?.modRevision == revision {
                try transaction.delete(databases.base, bytes)
                if type == .delete { try transaction.delete(databases.state, bytes) }
            } else if type == .put {
                let version = KeyVersion(block, index).encoded(key: key)
                try version.withUnsafeBytes { try transaction.put(databases.base, bytes, $0) }
            } else {
                try transaction.delete(databases.base, bytes)
            }
        }
    }

    private static func block(_ entry: WriteCursor.Entry) throws -> (ChangeBatch, stored: Int, raw: Int) {
        let first = try Block.firstRevision(entry.key)
        do throws(Malformed) {
            let header = try Block.header(entry.value)
            return (try Block.decode(entry.value, firstRevision: first), entry.value.count, header.rawLength)
        } catch {
            throw StoreError.damagedBlock(first, error.reason)
        }
    }

    private func decode(_ bytes: UnsafeRawBufferPointer, key: UnsafeRawBufferPointer) throws -> KeyVersion {
        do throws(Malformed) {
            return try KeyVersion(bytes, key: key, numbersOnly: true)
        } catch {
            throw StoreError(.damaged, "state key \(Bytes(copying: key)): \(error.reason); run `vigil check`")
        }
    }
}
