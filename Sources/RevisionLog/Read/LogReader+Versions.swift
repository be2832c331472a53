package import Changes
import LMDB

// The versions of a key form a chain: `state` has the newest, each names the revision of the one before, and the
// log's record of that revision holds it. Where the chain passes below what the log still has, `base` holds the one
// version that was valid there.

extension LogReader {
    /// What `key` holds at `revision`, or at the newest one; nil if it does not exist there.
    package func get(_ key: Bytes, at revision: Revision?) throws -> KeyValue? {
        try withRevision(revision) { revision, snapshot, transaction in
            try version(of: key, at: revision, snapshot, transaction)?.readableKeyValue(key)
        }
    }

    /// The newest version of `key`, tombstones included.
    package func latest(_ key: Bytes) throws(StoreError) -> KeyVersion? {
        do {
            return try withView { try latest(key, $0, $1) }
        } catch {
            throw StoreError(wrapping: error)
        }
    }

    /// The newest version of `key` that LMDB has, tombstones included; there may be a newer one in the overlay.
    package func checkpointed(_ key: Bytes) throws(StoreError) -> VersionNumbers? {
        do {
            return try storeErrors {
                try environment.withRead { transaction in
                    try key.withUnsafeBytes {
                        try stored($0, in: databases.state, numbersOnly: true, transaction)?.numbers
                    }
                }
            }
        } catch {
            throw StoreError(wrapping: error)
        }
    }

    /// The newest version of `key`, tombstones included.
    func latest(
        _ key: Bytes, numbersOnly: Bool = false, _ snapshot: LogSnapshot, _ transaction: borrowing ReadTransaction
    ) throws -> KeyVersion? {
        try key.withUnsafeBytes { bytes throws -> KeyVersion? in
            if let newest = snapshot.newest(bytes) { return newest }
            return try stored(bytes, in: databases.state, numbersOnly: numbersOnly, transaction)
        }
    }

    /// The version of `key` that was valid at `revision`, a delete counting as none.
    func version(
        of key: Bytes, at revision: Revision, _ snapshot: LogSnapshot, _ transaction: borrowing ReadTransaction
    ) throws -> KeyVersion? {
        guard let newest = try latest(key, snapshot, transaction) else { return nil }
        return try version(of: key, at: revision, from: newest, snapshot, transaction)
    }

    /// The same, beginning at `newest`, a version of `key`.
    func version(
        of key: Bytes, at revision: Revision, from newest: KeyVersion, _ snapshot: LogSnapshot,
        _ transaction: borrowing ReadTransaction
    ) throws -> KeyVersion? {
        var version = newest
        if version.modRevision > revision {
            let meta = try meta(transaction)
            guard revision >= meta.compacted else {
                throw StoreError.compacted(requested: revision, earliest: meta.earliest)
            }
            while version.modRevision > revision {
                guard let before = try previous(of: version, key, meta, snapshot, transaction) else { return nil }
                version = before
            }
        }
        return version.type == .put ? version : nil
    }

    /// The version of `key` before `version`; nil if there was none, or it was a delete that is compacted.
    func previous(
        of version: KeyVersion, _ key: Bytes, _ meta: Meta, _ snapshot: LogSnapshot,
        _ transaction: borrowing ReadTransaction
    ) throws -> KeyVersion? {
        let revision = version.previousRevision
        guard revision > 0 else { return nil }
        if revision >= meta.dropped {
            guard let batch = try batch(of: revision, snapshot, transaction),
                let index = batch.index(of: key, in: revision)
            else {
                throw StoreError(
                    .damaged,
                    "key \(key): revision \(version.modRevision) names \(revision) as the one before, "
                        + "which the log does not have; \(StoreError.advice)")
            }
            return KeyVersion(batch, index)
        }
        // Below the log the version is in `state`, if what came after it is in the overlay only, or in `base`.
        for database in [databases.state, databases.base] {
            let stored = try key.withUnsafeBytes { bytes throws -> KeyVersion? in
                try self.stored(bytes, in: database, transaction)
            }
            if let stored, stored.modRevision == revision { return stored }
        }
        return nil
    }

    /// What `database` has under `key`, checked.
    func stored(
        _ key: UnsafeRawBufferPointer, in database: KeyTree, numbersOnly: Bool = false,
        _ transaction: borrowing ReadTransaction
    ) throws -> KeyVersion? {
        // LMDB refuses to look for an empty key.
        guard LogOptions.keyBytes.contains(key.count), let bytes = try transaction.get(database, key) else {
            return nil
        }
        return try decode(bytes, key: key, database, numbersOnly: numbersOnly, transaction)
    }

    func decode(
        _ bytes: UnsafeRawBufferPointer, key: UnsafeRawBufferPointer, _ database: KeyTree, numbersOnly: Bool = false,
        _ transaction: borrowing ReadTransaction
    ) throws -> KeyVersion {
        do throws(Malformed) {
            return try KeyVersion(bytes, key: key, numbersOnly: numbersOnly) { number throws(Malformed) in
                try dictionary(number, transaction)
            }
        } catch {
            throw StoreError(
                .damaged, "\(database.name) key \(Bytes(copying: key)): \(error.reason); \(StoreError.advice)")
        }
    }
}
