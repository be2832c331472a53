import Changes
import LMDB

extension Check {
    /// Every lease can be read; the index names the keys that are attached in `state`, all of them, and no others.
    mutating func checkLeases(_ transaction: borrowing ReadTransaction) throws {
        if let database = reader.databases.leases {
            var problems: [Int64] = []
            try transaction.forEachLease(database) { id, entry in if entry == nil { problems.append(id) } }
            for id in problems { note("leases", "lease \(id)", nil, "cannot be read") }
        }
        guard let leased = reader.databases.leased else { return }
        var indexed: Int64 = 0
        var cursor = try transaction.cursor(leased.database)
        var found = try cursor.first()
        while let here = found {
            let place = "index \(Bytes(copying: here.key))"
            do throws(Malformed) {
                let entry = try LeaseIndexEntry(here.value, key: here.key)
                indexed += Int64(entry.tails.count)
                for tail in entry.tails {
                    checkAttached(Array(here.key[8...]) + tail, to: here.key.bigEndianID, place, transaction)
                }
            } catch {
                note("leased", place, nil, error.reason)
            }
            found = try cursor.next()
        }
        if let long = leased.long {
            var cursor = try LongCursor(long, transaction)
            var found = try cursor.seek(atOrAfter: .init(start: nil, count: 0))
            while let here = found {
                indexed += 1
                checkAttached(Array(here.key[8...]), to: here.key.bigEndianID, "long keys", transaction)
                found = try cursor.next()
            }
        }
        if indexed != meta.leasedKeys {
            note("meta", "leased", nil, "the index has \(indexed) keys, noted are \(meta.leasedKeys)")
        }
        if attached != meta.leasedKeys {
            note("leased", "index", nil, "\(attached) keys are attached to leases, noted are \(meta.leasedKeys)")
        }
    }

    private mutating func checkAttached(
        _ key: [UInt8], to lease: Int64, _ place: String, _ transaction: borrowing ReadTransaction
    ) {
        let stored = try? key.withUnsafeBytes {
            try reader.stored($0, in: reader.databases.state, numbersOnly: true, transaction)?.lease
        }
        if stored != lease { note("leased", place, nil, "key \(Bytes(key)) is not attached to lease \(lease)") }
    }

    mutating func checkProperties(_ transaction: borrowing ReadTransaction) throws {
        guard let database = reader.databases.properties else { return }
        var cursor = try transaction.cursor(database)
        var found = try cursor.first()
        while let here = found {
            if (try? Property.value(here.value, here.key)) == nil {
                note("properties", "\(Bytes(copying: here.key))", nil, "does not match its checksum")
            }
            found = try cursor.next()
        }
    }
}
