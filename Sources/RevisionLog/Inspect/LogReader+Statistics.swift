package import Changes
import LMDB

extension LogReader {
    /// Sizes and positions, without the journal's.
    package func statistics() throws -> StoreStatistics {
        let info = try storeErrors { try environment.info() }
        return try withView { snapshot, transaction in
            let meta = try meta(transaction)
            var statistics = StoreStatistics()
            statistics.head = snapshot.head
            statistics.earliest = max(meta.earliest, snapshot.earliest)
            statistics.earliestMilliseconds = try? time(of: statistics.earliest, snapshot, transaction)
            statistics.compacted = max(meta.compacted, snapshot.compacted)
            statistics.checkpoint = meta.checkpoint
            statistics.keys = Int(meta.keys) + keyDifference(snapshot, after: meta.checkpoint)
            statistics.blocks = Int(meta.blocks)
            statistics.unsealedBlocks = try unsealedBlocks(meta, transaction)
            statistics.logBytes = Int(meta.logBytes)
            statistics.logRawBytes = Int(meta.logRawBytes)
            statistics.pendingBytes = snapshot.pendingBytes
            statistics.storeID = storeID
            statistics.formatVersion = Int(meta.format)
            statistics.fileBytes = info.usedBytes
            statistics.freeBytes = try transaction.freePages() * environment.pageBytes
            statistics.mapBytes = info.mapBytes
            statistics.readers = info.readers.count
            statistics.maximumReaders = info.maximumReaders
            return statistics
        }
    }

    /// The transaction may be newer than the snapshot; what it has already is not counted again.
    private func keyDifference(_ snapshot: LogSnapshot, after checkpoint: Revision) -> Int {
        if checkpoint == snapshot.checkpoint { return snapshot.pendingKeys }
        var difference = 0
        snapshot.recent.forEach(from: checkpoint + 1) { batch in
            difference += batch.keyDifference
            return true
        }
        return difference
    }

    private func unsealedBlocks(_ meta: Meta, _ transaction: borrowing ReadTransaction) throws -> Int {
        guard meta.sealed <= meta.checkpoint else { return 0 }
        var cursor = try transaction.cursor(databases.log)
        var blocks = 0
        var found = try withUnsafeBytes(of: max(meta.sealed, meta.dropped).bigEndian) {
            try cursor.seek(atOrBefore: $0)
        }
        while found != nil {
            blocks += 1
            found = try cursor.next()
        }
        return blocks
    }

    /// The changes of `key`, newest first, as far as they are retained, or those before `event`; at most `limit`.
    package func history(of key: Bytes, before event: WatchEvent?, limit: Int) throws -> [WatchEvent] {
        try withView { snapshot, transaction in
            let meta = try meta(transaction)
            let earliest = max(meta.earliest, snapshot.earliest)
            var events: [WatchEvent] = []
            var version =
                if let event {
                    try previous(of: KeyVersion(event), key, meta, snapshot, transaction)
                } else {
                    try latest(key, snapshot, transaction)
                }
            while let current = version, events.count < limit,
                current.modRevision >= earliest || events.isEmpty && event == nil
            {
                events.append(current.event(key))
                version = try previous(of: current, key, meta, snapshot, transaction)
            }
            return events
        }
    }

    /// The whole of `revision`, and how it is stored.
    package func show(_ revision: Revision) throws -> (update: WatchUpdate, block: StoredBlock) {
        try withRevision(revision) { revision, snapshot, transaction in
            let meta = try meta(transaction)
            guard revision >= max(1, meta.compacted) else {
                throw StoreError.compacted(requested: revision, earliest: meta.earliest)
            }
            guard let batch = try batch(of: revision, snapshot, transaction) else {
                throw StoreError.missing(revision)
            }
            let update = batch.update(ofRecord: Int(revision - batch.firstRevision))
            if revision > meta.checkpoint { return (update, Self.frame(batch)) }
            return (update, try storedBlock(revision, transaction))
        }
    }

    private static func frame(_ batch: ChangeBatch) -> StoredBlock {
        let payload = JournalPayload(batch)
        return StoredBlock(
            place: .journal, firstRevision: batch.firstRevision, recordCount: batch.recordCount,
            codec: StoredBlock.Codec(rawValue: payload.header.codec)!, rawBytes: payload.header.rawLength,
            storedBytes: payload.bytes.count)
    }

    private func storedBlock(_ revision: Revision, _ transaction: borrowing ReadTransaction) throws -> StoredBlock {
        guard let entry = try logEntry(revision, transaction) else { throw StoreError.missing(revision) }
        let first = try Block.firstRevision(entry.key)
        do throws(Malformed) {
            let header = try Block.header(entry.value)
            return StoredBlock(
                place: .log, firstRevision: first, recordCount: header.recordCount, codec: header.codec,
                rawBytes: header.rawLength, storedBytes: header.storedLength)
        } catch {
            throw StoreError.damagedBlock(first, error.reason)
        }
    }
}
