package import Changes
import LMDB

extension LogReader {
    /// The leases on disk, with the seconds that each was granted for, in the order of their ids.
    package func storedLeases() throws -> [(id: Int64, seconds: Int64, grantedMilliseconds: Int64)] {
        try leaseEntries().map { ($0.id, $0.entry.seconds, $0.entry.grantedMilliseconds) }
    }

    func leaseEntries() throws -> [(id: Int64, entry: LeaseEntry)] {
        guard let database = databases.leases else { return [] }
        return try withView { _, transaction in
            var leases: [(Int64, LeaseEntry)] = []
            try transaction.forEachLease(database) { id, entry in
                guard let entry else {
                    throw StoreError(.damaged, "lease \(id) does not match its checksum; \(StoreError.advice)")
                }
                leases.append((id, entry))
            }
            return leases
        }
    }

    /// The keys that are attached to `lease`, in order. With `table`, of the process that writes, nothing else is looked
    /// through; without, everything that is not checkpointed.
    package func keys(of lease: Int64, _ table: LeaseTable?) throws -> [Bytes] {
        // Before the view, which then has what the table forgets meanwhile.
        var candidates = table?.recentKeys(of: lease) ?? []
        return try withView { snapshot, transaction in
            if table == nil {
                snapshot.recent.forEach(from: 0) { batch in
                    for index in batch.entries.indices where batch.entries[index].lease == lease {
                        candidates.insert(batch.key(index))
                    }
                    return true
                }
            }
            if let index = databases.leased {
                try transaction.forEachKey(of: lease, index) { candidates.insert($0) }
            }
            return try candidates.sorted().filter { key in
                let newest = try latest(key, numbersOnly: true, snapshot, transaction)
                return newest?.type == .put && newest?.lease == lease
            }
        }
    }

    /// Tells `table` what LMDB has of leases, and what was attached since its checkpoint.
    func load(into table: LeaseTable) throws {
        table.load(try leaseEntries())
        let checkpoint = snapshot.checkpoint
        snapshot.recent.forEach(from: 0) { batch in
            for index in batch.entries.indices where batch.entries[index].lease != 0 {
                table.attach(
                    batch.key(index), to: batch.entries[index].lease, at: batch.revision(ofEntry: index),
                    checkpoint: checkpoint)
            }
            return true
        }
    }
}
