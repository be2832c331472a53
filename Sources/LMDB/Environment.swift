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
/// databases opened by two threads at once, use after it was closed) `gate` and `databases` prevent.
public final class Environment: @unchecked Sendable {
    /// The directory.
    public let path: String
    public let isReadOnly: Bool
    /// Changes only while `gate` lets nobody in, see ``shrink(copied:swapped:)`` and ``reopenForReading()``; to be used by
    /// who is in.
    var handle: OpaquePointer
    /// Whether a commit failed in a way after which LMDB does nothing more. Changes as `handle` does.
    private(set) var hasPanicked = false
    let options: Options
    let gate = Gate()
    let databases = Lock<[String: Database]>([:])
    /// The size of a page, in bytes.
    public let pageBytes: Int
    /// The longest key, in bytes: 511 as LMDB is usually built.
    public let maximumKeyBytes: Int
    let identity: OpenDirectories.Identity
    let verification: Verification

    /// What it was opened with, and is opened with again.
    struct Options {
        var mapBytes: Int
        var maximumDatabases: UInt32
        var maximumReaders: UInt32
        var readOnly: Bool
        var mode: UInt32
    }

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
    ///   `corrupted` if it has been truncated, or a small database has a damaged page; `busy` if this process has it open
    ///   already, which LMDB does not survive. Later, what first uses another database throws `corrupted` if any page is
    ///   damaged and there are not very many (``Environment/verifyPages()``).
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
        options = Options(
            mapBytes: mapBytes, maximumDatabases: UInt32(maximumDatabases), maximumReaders: UInt32(maximumReaders),
            readOnly: readOnly, mode: mode)
        do {
            verification = try Verification(path)
            handle = try Self.open(path, options)
        } catch {
            OpenDirectories.remove(identity)
            throw error
        }
        var stat = MDB_stat()
        mdb_env_stat(handle, &stat)
        pageBytes = Int(stat.ms_psize)
        maximumKeyBytes = Int(mdb_env_get_maxkeysize(handle))
        // Readers that died left their slots behind; a failure to look means only that they stay there.
        mdb_reader_check(handle, nil)
        if !readOnly, creates { extendFileToLastPage() }
    }

    // Runs also if `init` throws once all properties are set.
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

    /// After a meta page could not be written, LMDB refuses even to read. Opened anew, only for reading, it shows the last
    /// commit; whether the disk has the failed one too nobody can know before the process has ended. Waits for the
    /// transactions that are open, at most a minute.
    func reopenForReading() throws(LMDBError) {
        let known = databases.withLock { $0.values.sorted { $0.handle < $1.handle } }
        var failure: LMDBError?
        let done = gate.withoutTransactions(within: Limits.remapWaitMilliseconds) {
            // Another reader may have been first.
            if hasPanicked { return nil }
            for transaction in gate.takeIdle() { mdb_txn_abort(transaction) }
            mdb_env_close(handle)
            do throws(LMDBError) {
                var options = options
                options.readOnly = true
                handle = try Self.open(path, options)
            } catch {
                failure = error
                OpenDirectories.remove(identity)
                return error
            }
            hasPanicked = true
            do throws(LMDBError) { try adopt(known) } catch { failure = error }
            return nil
        }
        if let failure { throw failure }
        if !done { throw LMDBError(MDB_PANIC, "open \(path) again", message: "its transactions do not end") }
    }

    /// LMDB wants whole pages of the operating system.
    static func roundedMapBytes(_ bytes: Int) -> Int {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        return (max(bytes, page) + page - 1) / page * page
    }
}

/// The directories that this process has open: LMDB's locks do not survive a second opening in one process.
enum OpenDirectories {
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
