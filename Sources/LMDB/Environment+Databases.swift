import CLMDB
import Threads

extension Environment {
    /// Opens the database `name`. Open each once, before the transactions that use it begin.
    /// - Throws: `notFound` if it does not exist and `create` is false; `databasesFull`; `accessDenied` on creating in a
    ///   read-only environment.
    public func openDatabase(_ name: String, create: Bool = false) throws -> Database {
        try openDatabases([name], create: create)[0]
    }

    /// Opens several databases in one transaction, in the order of their names here. Errors as ``openDatabase(_:create:)``.
    public func openDatabases(_ names: [String], create: Bool = false) throws -> [Database] {
        // LMDB forbids opening in two transactions at once, hence the lock around the transaction.
        try databases.withLock { known in
            if names.contains(where: { known[$0] == nil }) {
                let opened =
                    create
                    ? try withWrite { try openOrCreate(names, in: $0) }
                    : try openExisting(names)
                for database in opened { known[database.name] = database }
            }
            return names.map { known[$0]! }
        }
    }

    private func openOrCreate(_ names: [String], in transaction: borrowing WriteTransaction) throws -> [Database] {
        do {
            return try names.map(opening: transaction.handle, 0)
        } catch let error where error.code == LMDBError.notFound {
            try verification.admitAll(transaction.handle, writing: true)
            return try names.map(opening: transaction.handle, UInt32(MDB_CREATE))
        }
    }

    /// Opens `known`, in the order in which LMDB numbered them, in an environment that is new.
    func adopt(_ known: [Database]) throws(LMDBError) {
        var transaction: OpaquePointer?
        try LMDBError.check(mdb_txn_begin(handle, nil, UInt32(MDB_RDONLY), &transaction), "open databases")
        do throws(LMDBError) {
            let opened = try known.map(\.name).map(opening: transaction!, 0)
            guard opened == known else {
                throw LMDBError(MDB_PANIC, "open databases", message: "their numbers changed")
            }
        } catch {
            mdb_txn_abort(transaction)
            throw error
        }
        try LMDBError.check(mdb_txn_commit(transaction), "open databases")
    }

    private func openExisting(_ names: [String]) throws -> [Database] {
        _ = try gate.enter(reading: false)
        defer { gate.leave() }
        var transaction: OpaquePointer?
        try LMDBError.check(mdb_txn_begin(handle, nil, UInt32(MDB_RDONLY), &transaction), "open databases")
        do {
            let opened = try names.map(opening: transaction!, 0)
            // Only a commit keeps the handles.
            try LMDBError.check(mdb_txn_commit(transaction), "open databases")
            return opened
        } catch {
            mdb_txn_abort(transaction)
            throw error
        }
    }
}

extension [String] {
    func map(opening transaction: OpaquePointer, _ flags: UInt32) throws(LMDBError) -> [Database] {
        var opened: [Database] = []
        for name in self {
            var handle: MDB_dbi = 0
            try LMDBError.check(mdb_dbi_open(transaction, name, flags, &handle), "open the database \(name)")
            opened.append(Database(name: name, handle: handle))
        }
        return opened
    }
}
