import Changes
import LMDB

/// Reads of one store, at the newest revision or an old one. Shared by the process that writes it and by those that
/// follow it.
///
/// A read takes a snapshot of the overlay, then a read transaction. LMDB may have moved on in between; then a key's
/// version may be newer than the snapshot's head, and is read as of the head through its chain. So a read sees one
/// revision, whatever happens beside it.
package final class LogReader: Sendable {
    let environment: Environment
    let databases: Databases
    let state: LogState
    let cache = BlockCache()
    private let dictionaries = Dictionaries()
    let storeID: UInt64

    init(environment: Environment, databases: Databases, state: LogState, storeID: UInt64) {
        self.environment = environment
        self.databases = databases
        self.state = state
        self.storeID = storeID
    }

    /// What is visible now.
    package var snapshot: LogSnapshot { state.snapshot }

    /// Runs `body` with what is visible and a read transaction that is not older.
    func withView<R>(_ body: (LogSnapshot, borrowing ReadTransaction) throws -> R) throws -> R {
        try storeErrors {
            let snapshot = state.snapshot
            return try environment.withRead { transaction in try body(snapshot, transaction) }
        }
    }

    /// Runs `body` at `revision`, or at the newest one. A compaction that overtakes a read of the newest revision
    /// makes it start again with a newer one.
    func withRevision<R>(
        _ revision: Revision?, _ body: (Revision, LogSnapshot, borrowing ReadTransaction) throws -> R
    ) throws -> R {
        var attempts = 0
        while true {
            do {
                return try withView { snapshot, transaction in
                    if let revision {
                        guard revision <= snapshot.head else {
                            throw StoreError.future(requested: revision, head: snapshot.head)
                        }
                        guard revision >= snapshot.compacted else {
                            throw StoreError.compacted(requested: revision, earliest: snapshot.earliest)
                        }
                    }
                    return try body(revision ?? snapshot.head, snapshot, transaction)
                }
            } catch let error as StoreError
                where error.code == .compacted && revision == nil && attempts < Limits.snapshotAttempts
            {
                attempts += 1
            }
        }
    }

    /// What LMDB says of itself in this transaction.
    func meta(_ transaction: borrowing ReadTransaction) throws -> Meta {
        try Meta.key.withUnsafeBytes { key in
            guard let bytes = try transaction.get(databases.meta, key) else {
                throw StoreError(.damaged, "the store's meta entry is missing")
            }
            return try Meta(bytes)
        }
    }

    /// The dictionary that a value needs.
    func dictionary(
        _ number: UInt64, _ transaction: borrowing ReadTransaction
    ) throws(Malformed) -> ValueDictionary {
        try dictionaries.find(number, databases, transaction)
    }
}

/// The named databases of a store's environment.
struct Databases: Sendable {
    /// First revision of a block, big-endian → block.
    var log: Database
    /// Key → its newest version up to the checkpoint.
    var state: KeyTree
    /// Key → its version at the compaction revision, for the keys changed since.
    var base: KeyTree
    /// Name → ``CursorEntry``. Nil in a store of format version 1 that is only read.
    var cursors: Database?
    /// Lease id, big-endian → ``LeaseEntry``. Nil, as the next two, in a store of format version 1 or 2 that is only read.
    var leases: Database?
    /// Which keys a lease holds.
    var leased: LeaseIndex?
    /// Name → ``Property``.
    var properties: Database?
    /// What is kept under keys that LMDB does not take. Nil in a store of format version 1 to 3 that is only read.
    var long: Database?
    /// Number, big-endian → ``ValueDictionary``. Nil in a store of format version 1 to 4 that is only read.
    var dictionaries: Database?
    /// "store" → ``Meta``; and the dictionaries once more.
    var meta: Database

    init(_ environment: Environment, create: Bool) throws {
        func required(_ name: String) throws -> Database {
            try environment.openDatabase(name, create: create)
        }
        log = try required("log")
        meta = try required("meta")
        func optional(_ name: String) throws -> Database? {
            do {
                return try environment.openDatabase(name, create: create)
            } catch let error as LMDBError where error.code == LMDBError.notFound {
                return nil
            }
        }
        cursors = try optional("cursors")
        leases = try optional("leases")
        let leased = try optional("leased")
        properties = try optional("properties")
        long = try optional("long")
        dictionaries = try optional("dictionaries")
        state = try KeyTree(required("state"), long: long, .state)
        base = try KeyTree(required("base"), long: long, .base)
        self.leased = leased.map { [long] in LeaseIndex($0, long: long) }
    }
}

/// Turns what LMDB throws into errors that a user can act on.
func storeErrors<R>(_ body: () throws -> R) throws -> R {
    do {
        return try body()
    } catch let error as LMDBError {
        throw StoreError(error)
    }
}
