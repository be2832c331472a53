internal import CLMDB

/// A view of all databases at one moment, inside ``Environment/withRead(_:)``. What it returns points into the map and
/// must not leave that scope.
public struct ReadTransaction: ~Copyable {
    let handle: OpaquePointer

    init(_ handle: OpaquePointer) {
        self.handle = handle
    }

    /// The value under `key`, or nil.
    public func get(_ database: Database, _ key: UnsafeRawBufferPointer) throws(LMDBError) -> UnsafeRawBufferPointer? {
        try value(handle, database, key)
    }

    /// A cursor, before the first entry.
    public func cursor(_ database: Database) throws(LMDBError) -> Cursor {
        try Cursor(handle, database)
    }

    /// How many entries `database` has.
    public func entries(_ database: Database) throws(LMDBError) -> Int {
        var statistics = MDB_stat()
        try check(mdb_stat(handle, database.identifier, &statistics), "count the entries of \(database.name)")
        return statistics.ms_entries
    }
}

/// Changes that happen together, inside ``Environment/withWrite(_:)``. What it returns points into the map and is
/// valid until the next change.
public struct WriteTransaction: ~Copyable {
    let handle: OpaquePointer

    init(_ handle: OpaquePointer) {
        self.handle = handle
    }

    public enum PutMode: Sendable {
        /// Replaces what is there.
        case replace
        /// The key is greater than all that are there; anything else is an error. Fills pages completely.
        case append
    }

    /// The value under `key`, or nil.
    public func get(_ database: Database, _ key: UnsafeRawBufferPointer) throws(LMDBError) -> UnsafeRawBufferPointer? {
        try value(handle, database, key)
    }

    /// Puts `value` under `key`, which has 1 to 511 bytes.
    public func put(
        _ database: Database, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer,
        _ mode: PutMode = .replace
    ) throws(LMDBError) {
        var key = MDB_val(key)
        var value = MDB_val(value)
        let flags = mode == .append ? UInt32(MDB_APPEND) : 0
        try check(mdb_put(handle, database.identifier, &key, &value, flags), "put into \(database.name)")
    }

    /// Removes `key`; false if it was not there.
    @discardableResult
    public func delete(_ database: Database, _ key: UnsafeRawBufferPointer) throws(LMDBError) -> Bool {
        var key = MDB_val(key)
        let code = mdb_del(handle, database.identifier, &key, nil)
        if code == MDB_NOTFOUND { return false }
        try check(code, "delete from \(database.name)")
        return true
    }

    /// A cursor, before the first entry. It must end before the transaction does.
    public func cursor(_ database: Database) throws(LMDBError) -> Cursor {
        try Cursor(handle, database)
    }
}

/// Walks the entries of a database in key order. Each move says whether there was an entry to move to; `key` and
/// `value` are those of the entry moved to last, and nil before the first move.
public struct Cursor: ~Copyable {
    private let handle: OpaquePointer
    private let name: String

    fileprivate init(_ transaction: OpaquePointer, _ database: Database) throws(LMDBError) {
        var opened: OpaquePointer?
        try check(mdb_cursor_open(transaction, database.identifier, &opened), "open a cursor on \(database.name)")
        handle = opened!
        name = database.name
    }

    deinit {
        mdb_cursor_close(handle)
    }

    public var key: UnsafeRawBufferPointer? { current?.key }
    public var value: UnsafeRawBufferPointer? { current?.value }

    private var current: (key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)? {
        var key = MDB_val()
        var value = MDB_val()
        guard mdb_cursor_get(handle, &key, &value, MDB_GET_CURRENT) == MDB_SUCCESS else { return nil }
        return (UnsafeRawBufferPointer(key), UnsafeRawBufferPointer(value))
    }

    public func first() throws(LMDBError) -> Bool { try move(MDB_FIRST) }
    public func last() throws(LMDBError) -> Bool { try move(MDB_LAST) }
    /// From before the first move: to the first entry.
    public func next() throws(LMDBError) -> Bool { try move(MDB_NEXT) }
    public func previous() throws(LMDBError) -> Bool { try move(MDB_PREV) }

    /// Moves to the first entry whose key is not less than `key`.
    public func seek(atOrAfter key: UnsafeRawBufferPointer) throws(LMDBError) -> Bool {
        // LMDB knows no empty keys; every key is after it.
        if key.isEmpty { return try first() }
        var key = MDB_val(key)
        return try move(MDB_SET_RANGE, &key)
    }

    /// Moves to the last entry whose key is not greater than `key`.
    public func seek(atOrBefore key: UnsafeRawBufferPointer) throws(LMDBError) -> Bool {
        if key.isEmpty { return false }
        guard try seek(atOrAfter: key) else { return try last() }
        if let found = self.key, found.elementsEqual(key) { return true }
        return try previous()
    }

    /// Removes the entry under the cursor of a write transaction.
    public func delete() throws(LMDBError) {
        try check(mdb_cursor_del(handle, 0), "delete from \(name)")
    }

    private func move(_ operation: MDB_cursor_op) throws(LMDBError) -> Bool {
        var key = MDB_val()
        return try move(operation, &key)
    }

    private func move(_ operation: MDB_cursor_op, _ key: inout MDB_val) throws(LMDBError) -> Bool {
        var value = MDB_val()
        let code = mdb_cursor_get(handle, &key, &value, operation)
        if code == MDB_NOTFOUND { return false }
        try check(code, "move a cursor on \(name)")
        return true
    }
}

private func value(
    _ transaction: OpaquePointer, _ database: Database, _ key: UnsafeRawBufferPointer
) throws(LMDBError) -> UnsafeRawBufferPointer? {
    var key = MDB_val(key)
    var value = MDB_val()
    let code = mdb_get(transaction, database.identifier, &key, &value)
    if code == MDB_NOTFOUND { return nil }
    try check(code, "get from \(database.name)")
    return UnsafeRawBufferPointer(value)
}

extension MDB_val {
    /// LMDB only reads through it.
    init(_ bytes: UnsafeRawBufferPointer) {
        self.init(mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
    }
}

extension UnsafeRawBufferPointer {
    init(_ value: MDB_val) {
        self.init(start: value.mv_data, count: value.mv_size)
    }
}
