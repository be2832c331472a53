import Changes
import LMDB

// The database `leased` says which keys a lease holds in `state`, so that nobody has to look through all keys. A key of
// LMDB has at most 511 bytes, and so may one of `state`; with the lease's id before it, it may be too long. So what is
// stored under a key is a list of what it lacks:
//
//     key       the lease's id, 8 bytes big-endian; the first 503 bytes of the key, or all of it
//     value     CRC-32C of the key above and the rest of this; then for each key that begins so, in order: the number of
//               bytes that it goes on (varint, 0 to 8), and these
//
// Longer keys of the store are, with the id before them, in `long` (LongRow.swift), where nothing is kept under them.
//
// A checkpoint keeps it in step with `state`; `Meta.leasedKeys` counts what it names.

/// Which keys each lease holds.
struct LeaseIndex: Sendable {
    let database: Database
    /// Nil in a store of an older format that is only read.
    let long: LongKeys?

    init(_ database: Database, long: Database?) {
        self.database = database
        self.long = long.map { LongKeys(database: $0, root: .leased) }
    }

    /// Under which `key` of `lease` is in `long`, if it is too long for the database.
    fileprivate static func longKey(_ lease: Int64, _ key: UnsafeRawBufferPointer) -> [UInt8] {
        withUnsafeBytes(of: lease.bigEndian) { Array($0) } + key
    }
}

/// The keys of one lease that begin alike, as far as an entry of the index can tell them apart.
struct LeaseIndexEntry {
    static let prefixBytes = 503

    private(set) var tails: [[UInt8]]

    init() {
        tails = []
    }

    init(_ bytes: UnsafeRawBufferPointer, key: UnsafeRawBufferPointer) throws(Malformed) {
        guard key.count > 8, bytes.count > 4 else { throw Malformed("index of \(key.count) and \(bytes.count) bytes") }
        guard bytes.littleEndian(0, as: UInt32.self) == checksum(of: bytes, under: key) else {
            throw Malformed("index checksum does not match")
        }
        tails = []
        var place = 4
        while place < bytes.count {
            let count = Int(bytes[place])
            guard count <= 8, place + 1 + count <= bytes.count, count == 0 || key.count == 8 + Self.prefixBytes else {
                throw Malformed("index with a key that goes on for \(count) bytes")
            }
            tails.append(Array(bytes[(place + 1)..<(place + 1 + count)]))
            place += 1 + count
        }
    }

    mutating func insert(_ tail: [UInt8]) -> Bool {
        guard !tails.contains(tail) else { return false }
        tails.append(tail)
        tails.sort { $0.lexicographicallyPrecedes($1) }
        return true
    }

    mutating func remove(_ tail: [UInt8]) -> Bool {
        guard let place = tails.firstIndex(of: tail) else { return false }
        tails.remove(at: place)
        return true
    }

    func encoded(key: UnsafeRawBufferPointer) -> [UInt8] {
        var bytes: [UInt8] = [0, 0, 0, 0]
        for tail in tails {
            bytes.append(UInt8(tail.count))
            bytes += tail
        }
        bytes.seal(under: key)
        return bytes
    }

    /// Where `key` of `lease` is in the index: the key there, and what that lacks.
    static func place(_ lease: Int64, _ key: UnsafeRawBufferPointer) -> (key: [UInt8], tail: [UInt8]) {
        var place: [UInt8] = []
        place.reserveCapacity(8 + min(key.count, prefixBytes))
        withUnsafeBytes(of: lease.bigEndian) { place.append(contentsOf: $0) }
        place.append(contentsOf: key.prefix(prefixBytes))
        return (place, Array(key.dropFirst(prefixBytes)))
    }
}

extension Transaction where Access == WriteAccess {
    /// Adds `key` to the index under `lease`, or takes it out. Returns by how much the number of keys in it changes.
    borrowing func index(
        _ lease: Int64, _ key: UnsafeRawBufferPointer, isPresent: Bool, _ index: LeaseIndex
    ) throws -> Int64 {
        if LongKeys.has(key) {
            return try LeaseIndex.longKey(lease, key).withUnsafeBytes { long throws -> Int64 in
                guard isPresent else { return try index.long!.delete(long, self) ? -1 : 0 }
                if try index.long!.get(long, self) != nil { return 0 }
                try index.long!.put(long, .init(start: nil, count: 0), self)
                return 1
            }
        }
        let database = index.database
        let (place, tail) = LeaseIndexEntry.place(lease, key)
        return try place.withUnsafeBytes { place throws -> Int64 in
            var entry = LeaseIndexEntry()
            // One that cannot be read is begun anew; a check says so before.
            if let bytes = try get(database, place), let stored = try? LeaseIndexEntry(bytes, key: place) {
                entry = stored
            }
            guard isPresent ? entry.insert(tail) : entry.remove(tail) else { return 0 }
            if entry.tails.isEmpty {
                try delete(database, place)
            } else {
                try entry.encoded(key: place).withUnsafeBytes { try put(database, place, $0) }
            }
            return isPresent ? 1 : -1
        }
    }
}

extension Transaction where Access == ReadAccess {
    /// Calls `body` with each key that the index has under `lease`.
    borrowing func forEachKey(of lease: Int64, _ index: LeaseIndex, _ body: (Bytes) throws -> Void) throws {
        var cursor = try cursor(index.database)
        var found = try withUnsafeBytes(of: lease.bigEndian) { try cursor.seek(atOrAfter: $0) }
        while let here = found, here.key.count > 8, here.key.bigEndianID == lease {
            let entry: LeaseIndexEntry
            do throws(Malformed) {
                entry = try LeaseIndexEntry(here.value, key: here.key)
            } catch {
                throw StoreError(.damaged, "the index of lease \(lease): \(error.reason); \(StoreError.advice)")
            }
            let prefix = Array(here.key[8...])
            for tail in entry.tails { try body(Bytes(prefix + tail)) }
            found = try cursor.next()
        }
        try forEachLongKey(of: lease, index) { try body(Bytes(copying: $0)) }
    }

    private borrowing func forEachLongKey(
        of lease: Int64, _ index: LeaseIndex, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        guard let long = index.long, try entries(long.database) > 0 else { return }
        var cursor = try LongCursor(long, self)
        var found = try withUnsafeBytes(of: lease.bigEndian) { try cursor.seek(atOrAfter: $0) }
        while let here = found, here.key.bigEndianID == lease {
            try body(UnsafeRawBufferPointer(rebasing: here.key[8...]))
            found = try cursor.next()
        }
    }
}
