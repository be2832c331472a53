import CLMDB

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Reads `data.mdb` with plain reads, before LMDB maps it.
///
/// LMDB trusts its file: a page that is not there is a SIGBUS in whoever touches it. So the header is checked first.
/// What is relied on here, all of it native-endian and 64 bits wide (LMDB 0.9, format version 1):
///
/// | offset in page 0 and in page 1 | |
/// |---|---|
/// | 0 | page number, 8 bytes; 10: flags, 2 bytes, 0x08 = meta |
/// | 16 | magic 0xBEEFC0DE, 4 bytes; 20: format version, 4 bytes |
/// | 40 | the record of the list of free pages, 48 bytes; its first 4 are the page size |
/// | 88 | the record of the main database, 48 bytes |
/// | 136 | number of the last page in use, 8 bytes; 144: number of the transaction, 8 bytes |
///
/// The page with the higher transaction number is the one in force.
struct DataFile: ~Copyable {
    let descriptor: Int32
    let path: String

    /// The meta page in force.
    struct Meta: Equatable {
        var pageBytes: Int
        var lastPage: Int
        var transaction: Int
        /// The records of the two databases that LMDB itself keeps, 48 bytes each.
        var freeRecord: [UInt8]
        var mainRecord: [UInt8]
    }

    /// Opens the file of the environment at `directory`, or another one there that is to take its place; nil if there is
    /// none yet, or only an empty one.
    init?(directory: String, name: String = "data.mdb") throws(LMDBError) {
        path = directory + "/" + name
        // Non-blocking, so that a pipe of that name is an error and not a wait.
        descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        if descriptor < 0 {
            let code = errno
            if code == ENOENT { return nil }
            throw LMDBError(code, "open \(path)")
        }
        let status = try status()
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw LMDBError(MDB_INVALID, "open \(path)", message: "it is not a regular file")
        }
        if status.st_size == 0 { return nil }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// How long the file is, in bytes.
    func byteCount() throws(LMDBError) -> Int { Int(try status().st_size) }

    private func status() throws(LMDBError) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw LMDBError(errno, "look at \(path)") }
        return status
    }

    /// Reads and checks both meta pages.
    /// - Throws: `invalid` or `versionMismatch` if this is not a file of LMDB's present format.
    func metas() throws(LMDBError) -> [Meta] {
        let first = try meta(at: 0)
        let second = try meta(at: first.pageBytes)
        guard first.pageBytes == second.pageBytes else { throw invalid("its two headers name different page sizes") }
        return [first, second]
    }

    /// The meta page in force. Errors as ``metas()``.
    func meta() throws(LMDBError) -> Meta {
        let metas = try metas()
        return metas[0].transaction >= metas[1].transaction ? metas[0] : metas[1]
    }

    func meta(at offset: Int) throws(LMDBError) -> Meta {
        let page = try read(152, at: offset)
        guard page.count == 152 else { throw invalid("it is only \(try byteCount()) bytes long") }
        guard page.load(UInt32.self, 16) == 0xBEEF_C0DE else {
            throw invalid("it is not an LMDB file: the magic number at byte \(offset + 16) is missing")
        }
        guard page.load(UInt32.self, 20) == UInt32(dataFormat) else {
            throw LMDBError(
                MDB_VERSION_MISMATCH, "open \(path)",
                message: "it has LMDB format \(page.load(UInt32.self, 20)), and only \(dataFormat) can be read")
        }
        let pageBytes = Int(page.load(UInt32.self, 40))
        let lastPage = page.load(UInt64.self, 136)
        let transaction = page.load(UInt64.self, 144)
        guard page.load(UInt16.self, 10) & 0x08 != 0, (256...65536).contains(pageBytes),
            pageBytes & (pageBytes - 1) == 0,
            lastPage >= 1, lastPage < 1 << 47, transaction < 1 << 62
        else { throw invalid("the header at byte \(offset) makes no sense") }
        return Meta(
            pageBytes: pageBytes, lastPage: Int(lastPage), transaction: Int(transaction),
            freeRecord: Array(page[40..<88]), mainRecord: Array(page[88..<136]))
    }

    private func invalid(_ message: String) -> LMDBError {
        LMDBError(MDB_INVALID, "open \(path)", message: message)
    }

    /// Up to `count` bytes from `offset`; fewer where the file ends.
    func read(_ count: Int, at offset: Int) throws(LMDBError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = bytes.withUnsafeMutableBytes { buffer in
                pread(descriptor, buffer.baseAddress! + filled, count - filled, off_t(offset + filled))
            }
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw LMDBError(errno, "read \(path)") }
            if got == 0 { break }
            filled += got
        }
        bytes.removeLast(count - filled)
        return bytes
    }
}

/// LMDB's `MDB_DATA_VERSION`, which its header keeps to itself.
private let dataFormat = 1

extension [UInt8] {
    /// The integer at `offset`, in the processor's byte order. The caller has checked the length.
    func load<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type, _ offset: Int) -> T {
        withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: T.self) }
    }
}
