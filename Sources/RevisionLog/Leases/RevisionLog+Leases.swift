import Changes
import LMDB
import Threads

extension RevisionLog {
    /// Makes a lease of `seconds`, under `id` or, for 0, one that is free. `completion` is called when it is on disk.
    package func grant(
        _ id: Int64, seconds: Int64, completion: @escaping @Sendable (Result<Int64, StoreError>) -> Void
    ) {
        let taken: Int64
        do throws(StoreError) {
            taken = try leases.reserve(id, seconds: seconds)
        } catch {
            return completion(.failure(error))
        }
        perform(
            { writer in
                let entry = LeaseEntry(seconds: seconds, grantedMilliseconds: wallClockMilliseconds())
                try writer.put(entry, taken)
            },
            completion: { [leases] result in
                if case .success = result { leases.activate(taken) } else { leases.remove([taken]) }
                completion(result.map { taken })
            })
    }

    /// Forgets leases whose keys are deleted. `completion` is called when they are gone from the disk.
    package func forget(_ ids: [Int64], completion: @escaping @Sendable (Result<Void, StoreError>) -> Void) {
        if durability == .sync { return forgetDeleted(ids, completion) }
        // A loss of power must not bring back keys of a lease that it does not bring back: nothing would ever delete them.
        _ = OSThread { [self] in
            do {
                try checkpoint()
                forgetDeleted(ids, completion)
            } catch {
                completion(.failure(StoreError(wrapping: error)))
            }
        }
    }

    private func forgetDeleted(_ ids: [Int64], _ completion: @escaping @Sendable (Result<Void, StoreError>) -> Void) {
        perform(
            { try $0.removeLeases(ids) },
            completion: { [leases] result in
                if case .success = result { leases.remove(ids) }
                completion(result)
            })
    }
}

extension LogWriter {
    fileprivate func put(_ entry: LeaseEntry, _ id: Int64) throws {
        guard let database = databases.leases else { return }
        try storeErrors {
            try environment.withWrite { transaction in
                try withUnsafeBytes(of: id.bigEndian) { key in
                    try entry.encoded(id: key).withUnsafeBytes { try transaction.put(database, key, $0) }
                }
                Failpoint.reach(.leaseWritten)
            }
        }
        Failpoint.reach(.leaseCommitted)
    }

    fileprivate func removeLeases(_ ids: [Int64]) throws {
        guard let database = databases.leases else { return }
        try storeErrors {
            try environment.withWrite { transaction in
                for id in ids { try withUnsafeBytes(of: id.bigEndian) { _ = try transaction.delete(database, $0) } }
                Failpoint.reach(.leaseWritten)
            }
        }
        Failpoint.reach(.leaseCommitted)
    }

    /// Keeps the index in step: `key` gets `version`, which is not in `state` yet.
    func index(
        _ key: UnsafeRawBufferPointer, _ version: KeyVersion, _ next: inout Meta,
        _ transaction: borrowing WriteTransaction
    ) throws {
        guard let leased = databases.leased else { return }
        var old: Int64 = 0
        if next.leasedKeys > 0, let stored = try transaction.get(databases.state, key) {
            old = try decode(stored, key: key).lease
        }
        guard old != version.lease else { return }
        if old != 0 { next.leasedKeys += try transaction.index(old, key, isPresent: false, leased) }
        if version.lease != 0 {
            next.leasedKeys += try transaction.index(version.lease, key, isPresent: true, leased)
        }
    }
}
