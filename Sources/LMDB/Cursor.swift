import CLMDB

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Walks the keys of a database in a ``ReadTransaction``.
public typealias ReadCursor = Cursor<ReadAccess>
/// Walks the keys of a database in a ``WriteTransaction`` and changes them on the way.
public typealias WriteCursor = Cursor<WriteAccess>

/// A place among the keys of a database.
///
/// ```swift
/// var cursor = try transaction.cursor(database)
/// var entry = try cursor.seek(atOrAfter: start)
/// while let here = entry {
///     use(here.key, here.value)
///     entry = try cursor.next()
/// }
/// ```
///
/// A move that returns nil leaves the cursor at no certain place: seek again before stepping on.
public struct Cursor<Access>: ~Copyable {
    /// A key and its value, valid as long as ``Transaction`` says of pointers.
    public struct Entry {
        public let key: UnsafeRawBufferPointer
        public let value: UnsafeRawBufferPointer
    }

    let handle: OpaquePointer
    let outcome: WriteOutcome?
    let verification: Verification

    deinit { mdb_cursor_close(handle) }

    /// The smallest key.
    public mutating func first() throws(LMDBError) -> Entry? { try move(MDB_FIRST) }

    /// The greatest key.
    public mutating func last() throws(LMDBError) -> Entry? { try move(MDB_LAST) }

    /// The next greater key; the smallest if the cursor was nowhere; after a delete the one after the deleted.
    public mutating func next() throws(LMDBError) -> Entry? { try move(MDB_NEXT) }

    /// The next smaller key; the greatest if the cursor was nowhere.
    public mutating func previous() throws(LMDBError) -> Entry? { try move(MDB_PREV) }

    /// What the cursor stands on; nil if it is nowhere.
    public mutating func current() throws(LMDBError) -> Entry? {
        var key = MDB_val()
        var value = MDB_val()
        // LMDB calls a cursor that was never placed an invalid argument.
        let code = mdb_cursor_get(handle, &key, &value, MDB_GET_CURRENT)
        if code == MDB_NOTFOUND || code == EINVAL { return nil }
        try LMDBError.check(code, "read at the cursor")
        return Entry(key: UnsafeRawBufferPointer(key), value: UnsafeRawBufferPointer(value))
    }

    /// `key` if it is there, or else the next greater one. The empty key means the smallest; one that is too long to be
    /// there is a bound like any other.
    public mutating func seek(atOrAfter key: UnsafeRawBufferPointer) throws(LMDBError) -> Entry? {
        if key.isEmpty { return try first() }
        let longest = Int(mdb_env_get_maxkeysize(mdb_txn_env(mdb_cursor_txn(handle))))
        if key.count <= longest { return try move(MDB_SET_RANGE, to: key) }
        // Its beginning, if that is there, comes before it; whatever comes after its beginning comes after it too.
        let beginning = UnsafeRawBufferPointer(rebasing: key[..<longest])
        guard let found = try move(MDB_SET_RANGE, to: beginning) else { return nil }
        return found.key.elementsEqual(beginning) ? try next() : found
    }

    /// `key` if it is there, or else the next smaller one.
    public mutating func seek(atOrBefore key: UnsafeRawBufferPointer) throws(LMDBError) -> Entry? {
        if key.isEmpty { return nil }
        guard let found = try seek(atOrAfter: key) else { return try last() }
        return found.key.elementsEqual(key) ? found : try previous()
    }

    private mutating func move(
        _ operation: MDB_cursor_op, to target: UnsafeRawBufferPointer? = nil
    ) throws(LMDBError) -> Entry? {
        var key = target.map { MDB_val($0) } ?? MDB_val()
        var value = MDB_val()
        let code = mdb_cursor_get(handle, &key, &value, operation)
        if code == MDB_NOTFOUND { return nil }
        try LMDBError.check(code, "move the cursor")
        return Entry(key: UnsafeRawBufferPointer(key), value: UnsafeRawBufferPointer(value))
    }
}

extension Cursor where Access == WriteAccess {
    /// Puts `value` at `key` and moves there. Errors as ``Transaction/put(_:_:_:_:)``.
    public mutating func put(
        _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, _ options: PutOptions = []
    ) throws(LMDBError) {
        try admitChange()
        var key = MDB_val(key)
        var value = MDB_val(value)
        try outcome!.check(mdb_cursor_put(handle, &key, &value, options.rawValue), "put at the cursor")
    }

    /// Puts `value` where the cursor stands. `key` must be the key there. Errors as ``Transaction/put(_:_:_:_:)``.
    public mutating func replaceCurrent(
        _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer
    ) throws(LMDBError) {
        try admitChange()
        var key = MDB_val(key)
        var value = MDB_val(value)
        try outcome!.check(mdb_cursor_put(handle, &key, &value, UInt32(MDB_CURRENT)), "replace at the cursor")
    }

    /// Deletes what the cursor stands on; `next()` then gives the key after it.
    public mutating func deleteCurrent() throws(LMDBError) {
        try admitChange()
        try outcome!.check(mdb_cursor_del(handle, 0), "delete at the cursor")
    }

    private func admitChange() throws(LMDBError) {
        try verification.admitAll(mdb_cursor_txn(handle), writing: true)
    }
}
