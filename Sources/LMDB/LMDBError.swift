import CLMDB

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What LMDB, or the operating system under it, refused to do.
public struct LMDBError: Error, Sendable, Hashable {
    /// LMDB's own code (negative), or an `errno` value (positive).
    public let code: Int32
    /// What was being done, as `put` or `open /some/place`.
    public let operation: String
    /// What went wrong, in words.
    public let message: String

    /// - Parameter message: LMDB's or the system's words for the code if left out.
    public init(_ code: Int32, _ operation: String, message: String? = nil) {
        self.code = code
        self.operation = operation
        // mdb_strerror falls back to strerror for codes that are not its own.
        self.message = message ?? String(cString: mdb_strerror(code))
    }

    /// The key is there already, or (appending) is not after the last one.
    public static let keyExists: Int32 = MDB_KEYEXIST
    /// There is no such key or database.
    public static let notFound: Int32 = MDB_NOTFOUND
    /// A page that another refers to is not in the file.
    public static let pageNotFound: Int32 = MDB_PAGE_NOTFOUND
    /// The file contradicts itself, or is shorter than it says.
    public static let corrupted: Int32 = MDB_CORRUPTED
    /// An earlier failure has left the environment unusable.
    public static let panic: Int32 = MDB_PANIC
    /// Written by another version of LMDB's format.
    public static let versionMismatch: Int32 = MDB_VERSION_MISMATCH
    /// Not an LMDB file.
    public static let invalid: Int32 = MDB_INVALID
    /// The map is full and could not be grown.
    public static let mapFull: Int32 = MDB_MAP_FULL
    /// More databases than `maximumDatabases`.
    public static let databasesFull: Int32 = MDB_DBS_FULL
    /// More transactions are reading, in all processes, than `maximumReaders`.
    public static let readersFull: Int32 = MDB_READERS_FULL
    /// One transaction has changed too many pages.
    public static let transactionFull: Int32 = MDB_TXN_FULL
    /// Another process has grown the map, and this one cannot follow while its transactions stay open.
    public static let mapResized: Int32 = MDB_MAP_RESIZED
    /// An operation in the transaction failed before, so it can only be given up.
    public static let badTransaction: Int32 = MDB_BAD_TXN
    /// A key of 0 bytes or of more than ``Environment/maximumKeyBytes``.
    public static let badValueSize: Int32 = MDB_BAD_VALSIZE
    /// What stands under the name of a database is none, or one of another kind.
    public static let incompatible: Int32 = MDB_INCOMPATIBLE
    /// The database handle belongs to another environment or was opened after the transaction began.
    public static let badDatabase: Int32 = MDB_BAD_DBI
    /// No room on the disk.
    public static let noSpace: Int32 = ENOSPC
    /// The environment is read-only, or the file system says no.
    public static let accessDenied: Int32 = EACCES
    /// There is no such file or directory.
    public static let noSuchFile: Int32 = ENOENT
    /// The environment is open in this process already.
    public static let busy: Int32 = EBUSY

    /// A check would read more than it may.
    static let tooMuch: Int32 = EFBIG

    /// The environment was closed.
    public static let closed: Int32 = EBADF

    /// Throws unless `code` is success.
    static func check(_ code: Int32, _ operation: @autoclosure () -> String) throws(LMDBError) {
        if code != MDB_SUCCESS { throw LMDBError(code, operation()) }
    }
}

extension LMDBError: CustomStringConvertible {
    public var description: String { "LMDB, \(operation): \(message) (\(code))" }
}
