internal import CLMDB

#if canImport(Darwin)
internal import Darwin
#elseif canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#endif

/// What LMDB, or the operating system under it, answered instead of doing what it was asked for.
public struct LMDBError: Error, Sendable, Hashable, CustomStringConvertible {
    /// LMDB's code (negative) or an `errno` (positive).
    public let code: Int32
    /// What was being done, and why it failed.
    public let message: String

    public init(code: Int32, message: String) {
        self.code = code
        self.message = message
    }

    init(_ code: Int32, _ operation: String) {
        self.code = code
        self.message = "\(operation): \(String(cString: mdb_strerror(code)))"
    }

    public var description: String { message }

    /// There is no such key or database.
    public static let notFound: Int32 = MDB_NOTFOUND
    /// `append` or `noOverwrite` met a key that is there, or greater.
    public static let keyExists: Int32 = MDB_KEYEXIST
    /// A page that is not what the tree says it is.
    public static let corrupted: Int32 = MDB_CORRUPTED
    /// A page that is not there: usually corruption too.
    public static let pageNotFound: Int32 = MDB_PAGE_NOTFOUND
    /// The file is not LMDB's.
    public static let invalid: Int32 = MDB_INVALID
    /// The file is of another version of LMDB.
    public static let versionMismatch: Int32 = MDB_VERSION_MISMATCH
    /// The map is full. Handled inside: write transactions enlarge it and run again.
    public static let mapFull: Int32 = MDB_MAP_FULL
    /// Another process has enlarged the map. Handled inside.
    public static let mapResized: Int32 = MDB_MAP_RESIZED
    /// Every slot for a reader is taken.
    public static let readersFull: Int32 = MDB_READERS_FULL
    /// A key is empty or longer than the limit.
    public static let badKeySize: Int32 = MDB_BAD_VALSIZE
    /// No room on the disk.
    public static let noSpace: Int32 = ENOSPC
    /// The environment was closed.
    public static let closed: Int32 = EBADF
}

/// Throws what `code` stands for, unless it is success.
func check(_ code: Int32, _ operation: @autoclosure () -> String) throws(LMDBError) {
    if code != MDB_SUCCESS { throw LMDBError(code, operation()) }
}
