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
            if descriptor < 0 { return nil }
        #else
            return nil
        #endif
    }

    deinit {
        _ = close(descriptor)
    }

    /// Writes whole blocks of the file from `offset` on. False if that cannot be done here: nothing was written then.
    func write(_ blocks: UnsafeRawBufferPointer, at offset: Int) throws(StoreError) -> Bool {
        var done = 0
        while done < blocks.count {
            let count = pwrite(descriptor, blocks.baseAddress! + done, blocks.count - done, off_t(offset + done))
            if count < 0, errno == EINVAL, done == 0 { return false }
            if count < 0, errno != EINTR { throw StoreError(errno: errno, "write \(path) at \(offset + done)") }
            done += max(0, count)
        }
        return true
    }
}

/// Where the blocks of a ``DirectFile`` are put together: a frame begins and ends within one.
///
/// Before the frame stands what was written before it. Behind it, up to the end of the block, come zeros: there only
/// remains of an older use of the segment can be.
///
/// Sound as `@unchecked Sendable`: only who appends to the journal touches it, and one append follows another.
final class FrameBlocks: @unchecked Sendable {
    /// The frame that is being written; kept for its capacity.
    var frame: [UInt8] = []
    private let space: UnsafeMutableRawBufferPointer
    /// What the first block in `space` holds: the begin of this block, of this file; nil if nothing of use.
    private var block: (file: SegmentFile, offset: Int)?

    init() {
        space = .allocate(byteCount: Limits.directBytes, alignment: Limits.directBlockBytes)
    }

    deinit {
        space.deallocate()
    }

    /// Writes `frame` at `offset` of the segment, durably. False if that cannot be done this way: nothing was written then.
    func write(_ frame: [UInt8], at offset: Int, of file: SegmentFile) throws(StoreError) -> Bool {
        let before = offset % Limits.directBlockBytes
        let (start, end) = (offset - before, before + frame.count)
        let length = (end + Limits.directBlockBytes - 1) / Limits.directBlockBytes * Limits.directBlockBytes
        guard let direct = file.direct, length <= space.count, start + length <= file.length else {
            block = nil
            return false
        }
        if before > 0, block?.file !== file || block?.offset != start {
            let read = try file.read(at: start, into: UnsafeMutableRawBufferPointer(rebasing: space[..<before]))
            guard read == before else { throw StoreError(.io, "\(file.name) ends at \(start + read)") }
        }
        block = nil
        UnsafeMutableRawBufferPointer(rebasing: space[before..<end]).copyBytes(from: frame)
        memset(space.baseAddress! + end, 0, length - end)
        guard try direct.write(UnsafeRawBufferPointer(rebasing: space[..<length]), at: start) else { return false }
        let last = length - Limits.directBlockBytes
        if last > 0 { space.copyMemory(from: UnsafeRawBufferPointer(rebasing: space[last..<length])) }
        block = (file, start + last)
        return true
    }
}
