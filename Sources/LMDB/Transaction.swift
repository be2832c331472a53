import CLMDB

/// Marks a transaction or cursor that only reads.
public enum ReadAccess {}
/// Marks a transaction or cursor that also writes.
public enum WriteAccess {}

/// A consistent view of an environment that nothing changes while it lasts.
public typealias ReadTransaction = Transaction<ReadAccess>
/// A view that sees its own changes; they take effect together at the end, or not at all.
public typealias WriteTransaction = Transaction<WriteAccess>

/// A view of an environment, valid inside ``Environment/withRead(_:)`` or ``Environment/withWrite(_:)`` and only on the
/// thread that runs the closure.
///
/// Every pointer got from a transaction points into the map, and is valid until the transaction ends or, in a
/// write transaction, until its next change. Copy what must live longer.
public struct Transaction<Access>: ~Copyable {
    let handle: OpaquePointer
    /// Where failures of this transaction's writes are noted.
    let outcome: WriteOutcome?
    let verification: Verification

    /// The value of `key`, or nil if there is none.
    /// - Throws: `badValueSize` for an empty key, `badDatabase`; `corrupted` if this is the first use of `database` and a page
    ///   is damaged, as all that follow do too.
    public borrowing func get(_ database: Database, _ key: UnsafeRawBufferPointer) throws(LMDBError)
        -> UnsafeRawBufferPointer?
    {
        try verification.admit(database, handle, writing: outcome != nil)
        var key = MDB_val(key)
        var value = MDB_val()
        let code = mdb_get(handle, database.handle, &key, &value)
        if code == MDB_NOTFOUND { return nil }
        try LMDBError.check(code, "get from \(database.name)")
        return UnsafeRawBufferPointer(value)
    }

    /// A cursor over `database`, placed nowhere yet. It must be gone when the transaction ends.
    /// - Throws: `corrupted` as ``get(_:_:)``.
    public borrowing func cursor(_ database: Database) throws(LMDBError) -> Cursor<Access> {
        try verification.admit(database, handle, writing: outcome != nil)
        var cursor: OpaquePointer?
        try LMDBError.check(mdb_cursor_open(handle, database.handle, &cursor), "open a cursor over \(database.name)")
        return Cursor(handle: cursor!, outcome: outcome, verification: verification)
    }

    /// How many keys `database` has. Costs nothing.
    public borrowing func entries(_ database: Database) throws(LMDBError) -> Int {
        try statistics(database).entries
    }

    /// How much there is in `database`. Costs nothing.
    public borrowing func statistics(_ database: Database) throws(LMDBError) -> DatabaseStatistics {
        var stat = MDB_stat()
        try LMDBError.check(mdb_stat(handle, database.handle, &stat), "statistics of \(database.name)")
        return DatabaseStatistics(
            entries: stat.ms_entries, depth: Int(stat.ms_depth), branchPages: stat.ms_branch_pages,
            leafPages: stat.ms_leaf_pages, overflowPages: stat.ms_overflow_pages, pageBytes: Int(stat.ms_psize))
    }

    /// Which commit the view is of: the number of the last one, or in a write transaction the number of this one.
    public borrowing func identifier() -> Int { mdb_txn_id(handle) }
}

/// How a put treats what is there.
public struct PutOptions: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// The key is after all keys of the database: fills pages to the brim instead of splitting them. `keyExists` if it is not.
    public static let append = PutOptions(rawValue: UInt32(MDB_APPEND))
    /// Fail with `keyExists` if the key is there.
    public static let noOverwrite = PutOptions(rawValue: UInt32(MDB_NOOVERWRITE))
}

extension Transaction where Access == WriteAccess {
    /// Puts `value` at `key`, both copied.
    /// - Throws: `badValueSize` for a key of 0 or more than 511 bytes; `keyExists`, see ``PutOptions``; `mapFull`, after
    ///   which the closure is run again on a larger map; `corrupted` if this is the first change and a page is damaged.
    public borrowing func put(
        _ database: Database, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, _ options: PutOptions = []
    ) throws(LMDBError) {
        try verification.admitAll(handle, writing: true)
        var key = MDB_val(key)
        var value = MDB_val(value)
        try outcome!.check(mdb_put(handle, database.handle, &key, &value, options.rawValue), "put in \(database.name)")
    }

    /// Deletes `key`; false if it was not there.
    /// - Throws: `badValueSize` for an empty key; `mapFull` and `corrupted` as ``put(_:_:_:_:)``.
    @discardableResult
    public borrowing func delete(_ database: Database, _ key: UnsafeRawBufferPointer) throws(LMDBError) -> Bool {
        try verification.admitAll(handle, writing: true)
        var key = MDB_val(key)
        let code = mdb_del(handle, database.handle, &key, nil)
        if code == MDB_NOTFOUND { return false }
        try outcome!.check(code, "delete from \(database.name)")
        return true
    }
}

/// Remembers that a write found the map full, also when the closure turned that error into another one. Used by one
/// thread, for the length of one transaction.
final class WriteOutcome {
    var mapFull = false

    func check(_ code: Int32, _ operation: @autoclosure () -> String) throws(LMDBError) {
        if code == MDB_MAP_FULL { mapFull = true }
        try LMDBError.check(code, operation())
    }
}

extension MDB_val {
    /// LMDB only reads through the pointer of a key or value that it is given.
    init(_ bytes: UnsafeRawBufferPointer) {
        self.init(mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
    }
}

extension UnsafeRawBufferPointer {
    init(_ value: MDB_val) {
        self.init(start: value.mv_data, count: value.mv_size)
    }
}
