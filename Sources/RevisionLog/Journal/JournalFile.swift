#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// An open file with whole reads and writes, and errors that say which file. Closed when the last reference goes.
final class JournalFile: Sendable {
    let path: String
    let descriptor: Int32

    /// Opens the file at `path`; nil if there is none.
    init?(path: String, flags: Int32) throws(StoreError) {
        self.path = path
        descriptor = open(path, flags | O_CLOEXEC, 0o600)
        if descriptor < 0 {
            let code = errno
            if code == ENOENT { return nil }
            throw StoreError(system: code, "open", path)
        }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// The last part of the path.
    var name: String { String(path.split(separator: "/").last ?? "") }

    /// The length, in bytes.
    func byteCount() throws(StoreError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw StoreError(system: errno, "look at", path) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw StoreError(.damaged, "\(path) is not a regular file") }
        return Int(status.st_size)
    }

    /// Fills `target` from `offset`. Returns how many bytes there were, less than asked for only at the end.
    func read(into target: UnsafeMutableRawBufferPointer, at offset: Int) throws(StoreError) -> Int {
        var filled = 0
        while filled < target.count {
            let got = pread(descriptor, target.baseAddress! + filled, target.count - filled, off_t(offset + filled))
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw StoreError(system: errno, "read", path) }
            if got == 0 { break }
            filled += got
        }
        return filled
    }

    /// The whole file.
    func contents() throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: try byteCount())
        let got = try bytes.withUnsafeMutableBytes { target in try read(into: target, at: 0) }
        bytes.removeLast(bytes.count - got)
        return bytes
    }

    /// Writes all of `bytes` at `offset`: one call to the system, unless the system writes less than it was given.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(StoreError) {
        var done = 0
        while done < bytes.count {
            let put = pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done))
            if put < 0 && errno == EINTR { continue }
            guard put >= 0 else { throw StoreError(system: errno, "write to", path) }
            done += put
        }
    }

    /// Waits until all that was written is on the disk.
    func flush() throws(StoreError) {
        #if canImport(Darwin)
            let code = fcntl(descriptor, F_FULLFSYNC)
        #else
            let code = fdatasync(descriptor)
        #endif
        guard code == 0 else { throw StoreError(system: errno, "flush", path) }
    }

    /// Waits until the directory at `path` itself is on the disk, with the names in it.
    static func flushDirectory(_ path: String) throws(StoreError) {
        guard let directory = try JournalFile(path: path, flags: O_RDONLY) else {
            throw StoreError(system: ENOENT, "open", path)
        }
        guard fsync(directory.descriptor) == 0 else { throw StoreError(system: errno, "flush", path) }
    }
}

extension StoreError {
    /// The system call that was to `action` the file at `path` failed with `code`.
    init(system code: Int32, _ action: String, _ path: String) {
        self.init(
            code == ENOSPC || code == EDQUOT ? .full : .io,
            "cannot \(action) \(path): \(String(cString: strerror(code)))")
    }
}
