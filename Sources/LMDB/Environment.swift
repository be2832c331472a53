import CLMDB
import Threads

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// An LMDB environment: one directory with one memory-mapped file, holding several ``Database``s.
///
/// ```swift
/// let environment = try Environment(path: directory, mapBytes: 1 << 34)
/// let people = try environment.openDatabase("people", create: true)
/// try environment.withWrite { try $0.put(people, key, value) }
/// let age = try environment.withRead { try $0.get(people, key).map { parse($0) } }
/// ```
///
/// Commits are full ones (`MDB_NOSYNC` and `MDB_WRITEMAP` are never used). Transactions belong to no thread
/// (`MDB_NOTLS`), so any thread may read, as often at a time as `maximumReaders` allows. The environment closes when the
/// last reference to it goes; a running transaction is such a reference. It must not be used in a forked child.
///
/// Sound as `Sendable`: LMDB's environment may be shared by threads; what it forbids (a remap under an open transaction,
/// databases opened by two threads at once) `gate` and `databases` prevent.
public final class Environment: @unchecked Sendable {
    /// The directory.
    public let path: String
    public let isReadOnly: Bool
    let handle: OpaquePointer
    let gate = Gate()
    let databases = Lock<[String: Database]>([:])
    /// The size of a page, in bytes.
    public let pageBytes: Int
    private let identity: OpenDirectories.Identity

    /// Opens the environment in the directory at `path`, which must exist, and creates its files if there are none.
    ///
    /// - Parameters:
    ///   - mapBytes: how much address space the map takes, in bytes: at least the size of the data, else it is taken as
    ///     that. It costs no memory and no disk, and grows when it is full.
    ///   - maximumDatabases: how many named databases can be open.
    ///   - maximumReaders: how many transactions, of all processes, can read at a time. Set by the first to open.
    ///   - readOnly: no write transactions; the files must exist. Readers still write `lock.mdb`.
    ///   - creates: whether the files are created if there are none; without it nothing is written before the first write
    ///     transaction.
    ///   - mode: the permissions of the files, if they are created.
    /// - Throws: `noSuchFile`, `accessDenied`; `invalid` or `versionMismatch` if the file there is not LMDB's;
    ///   `corrupted` if it has been truncated; `busy` if this process has it open already, which LMDB does not survive.
    public init(
        path: String, mapBytes: Int, maximumDatabases: Int = 16, maximumReaders: Int = 2048, readOnly: Bool = false,
        creates: Bool = true, mode: UInt32 = 0o600
    ) throws(LMDBError) {
        self.path = path
        isReadOnly = readOnly
        // Nothing is created or changed, and nothing mapped, before the file has been looked at.
        let isThere = try Self.inspect(path)
        if !isThere, !creates { throw LMDBError(LMDBError.noSuchFile, "open \(path)") }
        identity = try OpenDirectories.add(path)
        do {
            handle = try Self.open(
                path, mapBytes, UInt32(maximumDatabases), UInt32(maximumReaders), readOnly: readOnly, mode)
        } catch {
            OpenDirectories.remove(identity)
            throw error
        }
        var stat = MDB_stat()
        mdb_env_stat(handle, &stat)
        pageBytes = Int(stat.ms_psize)
        // Readers that died left their slots behind; a failure to look means only that they stay there.
        mdb_reader_check(handle, nil)
        if !readOnly, creates { extendFileToLastPage() }
    }

    deinit {
        close()
    }

    /// Waits for the transactions that are open, then closes; every later one fails with `closed`. The end of the last
    /// reference does the same. May be called again.
    public func close() {
        let closed = LMDBError(LMDBError.closed, "use \(path)", message: "the environment is closed")
        var isFirst = false
        let close = {
            isFirst = true
            for transaction in self.gate.takeIdle() { mdb_txn_abort(transaction) }
            mdb_env_close(self.handle)
            return closed as LMDBError?
        }
        while !gate.withoutTransactions(within: Limits.remapWaitMilliseconds, close) {}
        if isFirst { OpenDirectories.remove(identity) }
    }

    private static func open(
        _ path: String, _ mapBytes: Int, _ databases: UInt32, _ readers: UInt32, readOnly: Bool, _ mode: UInt32
    ) throws(LMDBError) -> OpaquePointer {
        var environment: OpaquePointer?
        try LMDBError.check(mdb_env_create(&environment), "create an environment")
        let handle = environment!
        do {
            try LMDBError.check(mdb_env_set_mapsize(handle, roundedMapBytes(mapBytes)), "set the map size")
            try LMDBError.check(mdb_env_set_maxdbs(handle, databases), "set the number of databases")
            try LMDBError.check(mdb_env_set_maxreaders(handle, readers), "set the number of readers")
            let flags = UInt32(MDB_NOTLS | (readOnly ? MDB_RDONLY : 0))
            try LMDBError.check(mdb_env_open(handle, path, flags, mode_t(mode)), "open \(path)")
        } catch {
            mdb_env_close(handle)
            throw error
        }
        return handle
    }

    /// LMDB wants whole pages of the operating system.
    static func roundedMapBytes(_ bytes: Int) -> Int {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        return (max(bytes, page) + page - 1) / page * page
    }

    /// The longest key, in bytes: 511 as LMDB is usually built.
    public var maximumKeyBytes: Int { Int(mdb_env_get_maxkeysize(handle)) }
}

/// The directories that this process has open: LMDB's locks do not survive a second opening in one process.
private enum OpenDirectories {
    struct Identity: Hashable {
        var device: UInt64
        var inode: UInt64
    }

    private static let open = Lock<Set<Identity>>([])

    static func add(_ path: String) throws(LMDBError) -> Identity {
        var status = stat()
        guard stat(path, &status) == 0 else { throw LMDBError(errno, "open \(path)") }
        let identity = Identity(device: UInt64(truncatingIfNeeded: status.st_dev), inode: UInt64(status.st_ino))
        guard open.withLock({ $0.insert(identity).inserted }) else {
            throw LMDBError(LMDBError.busy, "open \(path)", message: "this process has it open already")
        }
        return identity
    }

    static func remove(_ identity: Identity) {
        open.withLock { _ = $0.remove(identity) }
    }
}
