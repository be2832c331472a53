#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A file that is written from its beginning to its end, under `PATH.partial` until it is whole, and then read.
final class BackupFile {
    let path: String
    private let descriptor: Int32
    private(set) var length = 0
    /// Written, and not yet kept under its own name.
    private var isPartial: Bool

    private var partial: String { path + ".partial" }

    /// Begins the file that will be at `path`, where there must be none. What a process that died left of another attempt
    /// is replaced; one that is under way in another process is not.
    init(creating path: String) throws(StoreError) {
        self.path = path
        isPartial = true
        try Self.requireAbsent(path)
        let partial = path + ".partial"
        descriptor = open(partial, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw StoreError(errno: errno, "create \(partial)") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            isPartial = false
            throw StoreError(
                .locked, "\(partial) is being written by another process; wait for it, or choose another name")
        }
        guard ftruncate(descriptor, 0) == 0 else { throw StoreError(errno: errno, "empty \(partial)") }
    }

    /// Opens the file at `path` for reading.
    init(opening path: String) throws(StoreError) {
        self.path = path
        isPartial = false
        // Non-blocking, so that a pipe of that name is an error and not a wait.
        descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw StoreError(errno: errno, "open \(path)") }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw StoreError(errno: errno, "examine \(path)") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw StoreError(.notAStore, "\(path) is not a regular file; a backup is one")
        }
        length = Int(status.st_size)
    }

    // Runs also if `init` throws once all properties are set.
    deinit {
        if isPartial { unlink(partial) }
        if descriptor >= 0 { close(descriptor) }
    }

    /// Writes `bytes` at the end.
    func append(_ bytes: [UInt8]) throws(StoreError) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                pwrite(descriptor, $0.baseAddress! + written, $0.count - written, off_t(length))
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw StoreError(errno: errno, "write \(partial)") }
            written += count
            length += count
        }
    }

    /// Makes what was written survive a loss of power.
    func flush() throws(StoreError) {
        guard fsync(descriptor) == 0 else { throw StoreError(errno: errno, "flush \(partial)") }
    }

    /// Gives the file its name. It must have been flushed.
    func keep() throws(StoreError) {
        try Self.requireAbsent(path)
        guard rename(partial, path) == 0 else { throw StoreError(errno: errno, "rename \(partial)") }
        isPartial = false
        try SegmentFile.flushDirectory(parentDirectory(path))
    }

    /// `count` bytes at `offset`, fewer where the file ends.
    func read(_ count: Int, at offset: Int) throws(StoreError) -> [UInt8] {
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let read = pread(descriptor, buffer.baseAddress! + filled, count - filled, off_t(offset + filled))
                if read < 0, errno == EINTR { continue }
                if read < 0 { failure = errno }
                if read <= 0 { break }
                filled += read
            }
        }
        if failure != 0 { throw StoreError(errno: failure, "read \(path) at \(offset)") }
        return bytes
    }

    private static func requireAbsent(_ path: String) throws(StoreError) {
        if access(path, F_OK) == 0 {
            throw StoreError(.invalidArgument, "\(path) exists already; choose another name, or remove it")
        }
    }
}

/// The directory that `path` is in.
func parentDirectory(_ path: String) -> String {
    var path = path[...]
    while path.count > 1, path.last == "/" { path.removeLast() }
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}
