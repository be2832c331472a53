import Changes
import LMDB
import Threads

extension LogWriter {
    /// Writes everything of `frozen` that is newer than the checkpoint: log blocks, and the newest version of each
    /// key in key order. As long as it `hasTime`, it lets others have its core now and then.
    mutating func checkpoint(_ frozen: LogSnapshot, hasTime: () -> Bool = { true }) throws {
        guard frozen.head > meta.checkpoint else { return try cursors.write(environment) }
        let before = meta
        var yielding = Yielding()
        func pause() {
            if hasTime() { yielding.point() }
        }
        try storeErrors { try values.load(environment, databases) }
        values.prepare(frozen.recent, after: meta.checkpoint)
        meta = try commit { next, transaction in
            try appendBlocks(frozen, &next, transaction, pause)
            Failpoint.reach(.checkpointLogWritten)
            try writeState(frozen, &next, transaction, pause)
            Failpoint.reach(.checkpointStateWritten)
            next.checkpoint = frozen.head
            next.keys += Int64(frozen.pendingKeys)
        }
        unsealedBytes += meta.logRawBytes - before.logRawBytes
        Failpoint.reach(.checkpointCommitted)
    }

    private func appendBlocks(
        _ frozen: LogSnapshot, _ next: inout Meta, _ transaction: borrowing WriteTransaction,
        _ pause: () -> Void
    ) throws {
        let effort: Compression.Effort = frozen.pendingBytes <= Limits.quietBytes ? .dense : .fast
        var builder = BlockBuilder(firstRevision: meta.checkpoint + 1)
        func close() throws {
            let (bytes, rawLength) = builder.finish(effort)
            try withUnsafeBytes(of: builder.firstRevision.bigEndian) { key in
                try bytes.withUnsafeBytes { try transaction.put(databases.log, key, $0, .append) }
            }
            next.blocks += 1
            next.logBytes += Int64(bytes.count)
            next.logRawBytes += Int64(rawLength)
        }
        try frozen.recent.forEach(from: meta.checkpoint + 1) { batch in
            for record in 0..<batch.recordCount {
                // A large record is no burden to who reads those before it.
                if builder.isFull || !builder.isEmpty && batch.bytes(ofRecord: record) > Limits.blockBytes {
                    try close()
                    pause()
                    builder = BlockBuilder(firstRevision: batch.firstRevision + Int64(record))
                }
                builder.append(batch, record: record)
            }
            return true
        }
        if !builder.isEmpty { try close() }
    }

    private func writeState(
        _ frozen: LogSnapshot, _ next: inout Meta, _ transaction: borrowing WriteTransaction,
        _ pause: () -> Void
    ) throws {
        guard let newest = frozen.frozen.merged(pause) else { return }
        var cursor = try transaction.cursor(databases.state.short)
        for position in newest.entries.indices {
            if position % Limits.keysPerYield == 0 { pause() }
            let key = newest.key(position)
            try key.withUnsafeBytes { bytes in
                let version = newest.version(position)
                if next.dropped > 1 { try saveToBase(bytes, next, transaction) }
                if next.leasedKeys > 0 || version.lease != 0 { try index(bytes, version, &next, transaction) }
                try version.encoded(key: key, values.current).withUnsafeBytes { version in
                    if LongKeys.has(bytes) {
                        try transaction.put(databases.state, bytes, version)
                    } else {
                        // Finds its page faster, since keys come in order.
                        try cursor.put(bytes, version)
                    }
                }
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
}
