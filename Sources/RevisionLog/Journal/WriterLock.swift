import Changes

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

// The file `lock` of a store. The process that writes the store holds an exclusive `flock` on it, so the lock ends
// with the process, however that ends. All numbers little-endian.
//
//     offset  size
//      0      8     head: the newest revision that is durable and visible
//      8      8     its complement, so that a reader notices a head half written
//     16      8     pid of the process that locked it last
//
// The head is written after the flush, so other processes see only what is durable; writing it also notifies those that
// watch the file. It is not flushed itself: after a loss of power the journal says what the head is.

/// The lock of the process that writes a store.
final class WriterLock: Sendable {
    static let fileName = "lock"
    /// How often a lock is tried for, 10 ms apart: a reader holds it for an instant when it opens the store.
    private static let attempts = 30

    private let descriptor: Int32

    /// Locks the store in `directory`.
    ///
    /// - Throws: `StoreError` with `.locked`, naming the other process.
    init(directory: String) throws(StoreError) {
        let path = "\(directory)/\(Self.fileName)"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StoreError(errno: errno, "open \(path)") }
        var attempt = 0
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            attempt += 1
            guard errno == EWOULDBLOCK || errno == EINTR, attempt < Self.attempts else {
                let holder = WriterLock.read(descriptor)?.pid ?? 0
                throw StoreError(
                    .locked,
                    "the store in \(directory) is open for writing in process \(holder); "
                        + "close it there, or open the store read-only")
            }
            var pause = timespec(tv_sec: 0, tv_nsec: 10_000_000)
            nanosleep(&pause, nil)
        }
        try write([UInt64(getpid())], at: 16)
    }

    /// Tells other processes that everything through `head` can be read.
    func publish(head: Revision) throws(StoreError) {
        let bits = UInt64(bitPattern: head)
        try write([bits, ~bits], at: 0)
    }

    // Runs also if `init` throws, or the opening of the store of which this is the lock.
    deinit {
        close(descriptor)
    }

    /// Ends the lock, as the end of the last reference does. Nothing may be published after it.
    func release() {
        flock(descriptor, LOCK_UN)
    }

    private func write(_ numbers: [UInt64], at offset: Int) throws(StoreError) {
        let written = numbers.map(\.littleEndian).withUnsafeBytes {
            pwrite(descriptor, $0.baseAddress!, $0.count, off_t(offset))
        }
        // A full disk writes less.
        if written != numbers.count * 8 { throw StoreError(errno: written < 0 ? errno : ENOSPC, "write the lock file") }
    }

    /// What the lock file says; nil if the head was being written, or never was.
    fileprivate static func read(_ descriptor: Int32) -> (head: Revision, pid: UInt64)? {
        var numbers: [UInt64] = [0, 0, 0]
        let count = numbers.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress!, 24, 0) }
        guard count == 24 else { return nil }
        let (head, complement, pid) = (
            UInt64(littleEndian: numbers[0]), UInt64(littleEndian: numbers[1]), UInt64(littleEndian: numbers[2])
        )
        return (head == ~complement ? Revision(bitPattern: head) : 0, pid)
    }
}

/// The lock file as another process sees it.
final class LockFile: Sendable {
    private let descriptor: Int32

    init(directory: String) throws(StoreError) {
        let path = "\(directory)/\(WriterLock.fileName)"
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw StoreError(errno: errno, "open \(path)") }
    }

    deinit {
        close(descriptor)
    }

    /// The newest revision that the writer has made visible; 0 if it was just being written.
    var head: Revision { WriterLock.read(descriptor)?.head ?? 0 }

    /// The process that locked the store last, whether or not it still does; 0 if none has.
    var writer: UInt64 { WriterLock.read(descriptor)?.pid ?? 0 }

    /// Whether the file has no name any more, so that nothing will ever be written to it.
    var isRemoved: Bool {
        var information = stat()
        return fstat(descriptor, &information) == 0 && information.st_nlink == 0
    }

    /// Runs `body` while no process writes the store; nil, at once, if one does.
    func whileUnwritten<R>(_ body: () throws -> R) rethrows -> R? {
        guard flock(descriptor, LOCK_SH | LOCK_NB) == 0 else { return nil }
        defer { flock(descriptor, LOCK_UN) }
        return try body()
    }
}
