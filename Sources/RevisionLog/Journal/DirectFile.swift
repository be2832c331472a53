#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A segment as it is written past the page cache: what was written is durable when the write returns.
///
/// That spares a copy, and the flush of what a write changes of the file besides its bytes (its times: a block of its own
/// where ext4 has no journal). A disk that can make a single write durable need not flush all that it caches.
///
/// Linux only, and not on every file system: then there is none, or its first write says that it cannot be done.
final class DirectFile: Sendable {
    private let path: String
    private let descriptor: Int32
    /// The same, for writes that are flushed by themselves.
    private let plain: Int32

    /// `O_DIRECT`, which glibc's headers hide.
    private static var directFlag: Int32 {
        #if arch(arm64) || arch(arm)
            0o200000
        #elseif arch(powerpc64) || arch(powerpc64le)
            0o400000
        #else
            0o40000
        #endif
    }

    /// Nil if the file at `path` cannot be opened so.
    init?(_ path: String) {
        self.path = path
        #if os(Linux)
            descriptor = open(path, O_WRONLY | O_DSYNC | Self.directFlag | O_CLOEXEC)
            plain = open(path, O_WRONLY | Self.directFlag | O_CLOEXEC)
            if descriptor < 0 || plain < 0 { return nil }
        #else
            return nil
        #endif
    }

    deinit {
        _ = close(descriptor)
        _ = close(plain)
    }

    /// Writes whole blocks of the file from `offset` on. False if that cannot be done here: nothing was written then.
    func write(_ blocks: UnsafeRawBufferPointer, at offset: Int) throws(StoreError) -> Bool {
        var done = 0
        while done < blocks.count {
            let count = pwrite(descriptor, blocks.baseAddress! + done, blocks.count - done, off_t(offset + done))
            if count < 0, errno == EINVAL, done == 0 { return false }
            if count < 0, errno != EINTR { throw failure(errno, at: offset + done) }
            done += max(0, count)
        }
        return true
    }

    /// The same, and calls `meanwhile` while the blocks are being written; they are durable after a flush. False if it did
    /// not begin: nothing was called then.
    func write(
        _ blocks: UnsafeRawBufferPointer, at offset: Int, in queue: WriteQueue, _ meanwhile: () -> Void
    ) throws(StoreError) -> Bool {
        guard let written = queue.write(blocks, at: offset, of: plain, meanwhile) else { return false }
        guard written >= 0 else { throw failure(Int32(-written), at: offset) }
        let rest = UnsafeRawBufferPointer(rebasing: blocks[written...])
        if !rest.isEmpty, try !write(rest, at: offset + written) { throw failure(EINVAL, at: offset + written) }
        return true
    }

    private func failure(_ code: Int32, at offset: Int) -> StoreError {
        StoreError(errno: code, "write \(path) at \(offset)")
    }
}
