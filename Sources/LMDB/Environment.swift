internal import CLMDB
internal import Synchronization

#if canImport(Darwin)
internal import Darwin
#elseif canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif

/// An LMDB environment: one memory-mapped file with named databases.
///
/// Open each directory once per process. Any thread may read; write transactions belong to the thread that begins
/// them, and all of them must be made by one. Readers do not occupy a thread-local slot (`MDB_NOTLS`), so a read is a
/// scope and never outlives it.
///
/// Sound as `@unchecked Sendable`: LMDB's handle is itself safe to use from several threads, and `gate` keeps closing
/// and enlarging apart from all transactions.
public final class Environment: @unchecked Sendable {
    /// Databases that an environment may have.
    public static let maximumDatabases: UInt32 = 16
    /// Readers that may be active at once, over all processes.
    public static let maximumReaders: UInt32 = 2048
    /// Reset read transactions kept for the next readers.
    static let pooledTransactions = 64

    private let path: String
    private let handle: OpaquePointer
    private let isReadOnly: Bool
    let gate = Gate()
    /// Written under the gate's exclusive side only.
    private var isClosed = false
    private let pool = Mutex<[IdleTransaction]>([])

    /// Opens the environment in the directory at `path`, which must exist; the file is created unless `readOnly`.
    ///
    /// `mapBytes` is address space, not memory or disk. It is the size up to which the file can grow before the map has
    /// to be enlarged, which happens by itself.
    ///
    /// - Throws: `LMDBError` if the file is not LMDB's, is shorter than its own header says, or cannot be opened.
    public init(path: String, mapBytes: Int, readOnly: Bool = false) throws(LMDBError) {
        try Self.checkLength(path)
        var opened: OpaquePointer?
        try check(mdb_env_create(&opened), "create an environment")
        let handle = opened!
        do throws(LMDBError) {
            try check(mdb_env_set_maxdbs(handle, Self.maximumDatabases), "set the number of databases")
            try check(mdb_env_set_maxreaders(handle, Self.maximumReaders), "set the number of readers")
            try check(mdb_env_set_mapsize(handle, mapBytes), "set the map size to \(mapBytes)")
            let flags = UInt32(MDB_NOTLS) | (readOnly ? UInt32(MDB_RDONLY) : 0)
            try check(mdb_env_open(handle, path, flags, 0o600), "open \(path)")
            // Slots of readers whose process died would keep pages from being reused.
            var dead: Int32 = 0
            try check(mdb_reader_check(handle, &dead), "check the readers of \(path)")
            try Self.checkPages(handle, path)
        } catch {
            mdb_env_close(handle)
            throw error
        }
        self.path = path
        self.handle = handle
        isReadOnly = readOnly
    }

    deinit {
        close()
    }

    /// Waits for the transactions that are active, then closes. Whatever is tried afterwards throws. May be called
    /// again.
    public func close() {
        gate.exclusively {
            guard !isClosed else { return }
            isClosed = true
            emptyPool()
            mdb_env_close(handle)
        }
    }

    // MARK: Transactions

    /// Runs `body` with a consistent view of all databases. Nothing that points into it may leave the scope. Must not
    /// be nested: an enlargement of the map that waits for the outer scope would keep the inner one waiting.
    public func withRead<R>(_ body: (borrowing ReadTransaction) throws -> R) throws -> R {
        while true {
            let result: R? = try gate.shared {
                guard let transaction = try beginRead() else { return nil }
                defer { endRead(transaction) }
                return try body(ReadTransaction(transaction))
            }
            if let result { return result }
            try adoptMapSize()
        }
    }

    /// Runs `body` in a write transaction and commits it; if `body` throws, nothing has happened. When the map is full
    /// it is enlarged and `body` **runs again**, from the state before.
    public func withWrite<R>(_ body: (borrowing WriteTransaction) throws -> R) throws -> R {
        while true {
            do {
                return try gate.shared { try write(body) }
            } catch let error as LMDBError where error.code == LMDBError.mapFull {
                try grow()
            } catch let error as LMDBError where error.code == LMDBError.mapResized {
                try adoptMapSize()
            }
        }
    }

    private func write<R>(_ body: (borrowing WriteTransaction) throws -> R) throws -> R {
        try requireOpen()
        var begun: OpaquePointer?
        try check(mdb_txn_begin(handle, nil, 0, &begun), "begin a write transaction")
        let transaction = begun!
        let result: R
        do {
            result = try body(WriteTransaction(transaction))
        } catch {
            mdb_txn_abort(transaction)
            throw error
        }
        try check(mdb_txn_commit(transaction), "commit")
        try extendFile()
        return result
    }

    /// A transaction from the pool or a new one; nil if the map has to be adopted first.
    private func beginRead() throws(LMDBError) -> OpaquePointer? {
        try requireOpen()
        let pooled = pool.withLock { $0.popLast() }?.handle
        if let pooled {
            let code = mdb_txn_renew(pooled)
            if code == MDB_SUCCESS { return pooled }
            mdb_txn_abort(pooled)
            if code == MDB_MAP_RESIZED { return nil }
            throw LMDBError(code, "renew a read transaction")
        }
        var begun: OpaquePointer?
        var code = mdb_txn_begin(handle, nil, UInt32(MDB_RDONLY), &begun)
        if code == MDB_READERS_FULL {
            var dead: Int32 = 0
            mdb_reader_check(handle, &dead)
            code = mdb_txn_begin(handle, nil, UInt32(MDB_RDONLY), &begun)
        }
        if code == MDB_MAP_RESIZED { return nil }
        try check(code, "begin a read transaction")
        return begun
    }

    private func endRead(_ transaction: OpaquePointer) {
        mdb_txn_reset(transaction)
        let idle = IdleTransaction(handle: transaction)
        let isKept = pool.withLock { pool in
            guard pool.count < Self.pooledTransactions else { return false }
            pool.append(idle)
            return true
        }
        if !isKept { mdb_txn_abort(transaction) }
    }

    private func emptyPool() {
        let pooled = pool.withLock { pool in
            defer { pool = [] }
            return pool
        }
        for transaction in pooled { mdb_txn_abort(transaction.handle) }
    }

    private func requireOpen() throws(LMDBError) {
        if isClosed { throw LMDBError(code: LMDBError.closed, message: "the environment \(path) is closed") }
    }

    // MARK: The size of the map

    private func grow() throws {
        try gate.exclusively {
            try requireOpen()
            emptyPool()
            let bytes = mapBytes * 2
            try check(mdb_env_set_mapsize(handle, bytes), "enlarge the map to \(bytes)")
        }
    }

    /// Takes over the size to which another process has enlarged the map.
    private func adoptMapSize() throws {
        try gate.exclusively {
            try requireOpen()
            emptyPool()
            try check(mdb_env_set_mapsize(handle, 0), "adopt the size of the map")
        }
    }

    private var mapBytes: Int {
        var info = MDB_envinfo()
        mdb_env_info(handle, &info)
        return info.me_mapsize
    }

    // MARK: Databases and sizes

    /// Opens the database `name`; do so once for each, before anything else.
    public func openDatabase(_ name: String, create: Bool) throws -> Database {
        func open(_ transaction: OpaquePointer, _ flags: UInt32) throws(LMDBError) -> Database {
            var identifier: MDB_dbi = 0
            try check(mdb_dbi_open(transaction, name, flags, &identifier), "open the database \(name)")
            return Database(identifier: identifier, name: name)
        }
        if create {
            return try withWrite { try open($0.handle, UInt32(MDB_CREATE)) }
        }
        // A handle opened by a read transaction stays valid only if that is committed, not reset.
        return try gate.shared {
            try requireOpen()
            var begun: OpaquePointer?
            try check(mdb_txn_begin(handle, nil, UInt32(MDB_RDONLY), &begun), "begin a read transaction")
            do {
                let database = try open(begun!, 0)
                try check(mdb_txn_commit(begun), "commit")
                return database
            } catch {
                mdb_txn_abort(begun)
                throw error
            }
        }
    }

    /// Sizes of the environment.
    public func sizes() throws -> Sizes {
        try gate.shared {
            try requireOpen()
            var info = MDB_envinfo()
            var statistics = MDB_stat()
            try check(mdb_env_info(handle, &info), "read the sizes of \(path)")
            try check(mdb_env_stat(handle, &statistics), "read the sizes of \(path)")
            return Sizes(
                fileBytes: (info.me_last_pgno + 1) * Int(statistics.ms_psize), mapBytes: info.me_mapsize,
                readers: Int(info.me_numreaders), maximumReaders: Int(info.me_maxreaders))
        }
    }

    public struct Sizes: Sendable {
        /// Bytes of the data file in use, free pages included.
        public var fileBytes: Int
        /// Bytes to which the file may grow before the map is enlarged.
        public var mapBytes: Int
        /// Slots in the table of readers that have been used, and how many there are.
        public var readers: Int
        public var maximumReaders: Int
    }

    // MARK: The length of the file

    // Pages beyond the end of the file would raise SIGBUS when they are read. LMDB itself may leave the file shorter
    // than its last page, if that was allocated and freed in one transaction; the file is then extended, so that a
    // file that is too short is always one that was truncated.

    private static let dataFile = "data.mdb"
    /// LMDB's two meta pages, of at least this size each.
    private static let smallestFile = 2 * 4096

    private static func checkLength(_ path: String) throws(LMDBError) {
        guard let length = length(path), length > 0, length < smallestFile else { return }
        throw LMDBError(
            code: LMDBError.corrupted, message: "\(path)/\(dataFile) is truncated: it has only \(length) bytes")
    }

    private static func checkPages(_ handle: OpaquePointer, _ path: String) throws(LMDBError) {
        let needed = neededLength(handle)
        if let length = length(path), length < needed {
            throw LMDBError(
                code: LMDBError.corrupted,
                message: "\(path)/\(dataFile) is truncated: it has \(length) bytes and needs \(needed)")
        }
    }

    private func extendFile() throws(LMDBError) {
        let needed = Self.neededLength(handle)
        var descriptor: Int32 = 0
        guard mdb_env_get_fd(handle, &descriptor) == MDB_SUCCESS else { return }
        var status = stat()
        if fstat(descriptor, &status) == 0, Int(status.st_size) < needed, ftruncate(descriptor, off_t(needed)) != 0 {
            throw LMDBError(errno, "extend \(path)/\(Self.dataFile)")
        }
    }

    private static func neededLength(_ handle: OpaquePointer) -> Int {
        var info = MDB_envinfo()
        var statistics = MDB_stat()
        mdb_env_info(handle, &info)
        mdb_env_stat(handle, &statistics)
        return (info.me_last_pgno + 1) * Int(statistics.ms_psize)
    }

    private static func length(_ path: String) -> Int? {
        var status = stat()
        return stat("\(path)/\(dataFile)", &status) == 0 ? Int(status.st_size) : nil
    }
}

/// A read transaction that was reset. Sound as `@unchecked Sendable`: without thread-local slots a transaction is not
/// tied to a thread, and it belongs to the pool, or to the one reader that took it from there.
private struct IdleTransaction: @unchecked Sendable {
    let handle: OpaquePointer
}

/// A named database: a sorted map from keys to values.
public struct Database: Sendable {
    let identifier: UInt32
    public let name: String
}
