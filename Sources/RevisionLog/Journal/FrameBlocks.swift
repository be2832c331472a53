#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

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
    /// What the first block in `space` holds: that of this file, up to here; nil if nothing of use.
    private var block: (file: SegmentFile, end: Int)?
    /// Made when it is first used, since the system takes milliseconds to free one.
    private lazy var queue = WriteQueue()

    /// Blocks in `space` that are ready to be written.
    private struct Filled {
        var file: SegmentFile
        var direct: DirectFile
        var offset: Int
        var bytes: UnsafeRawBufferPointer
        /// Where the frame ends.
        var end: Int
    }

    init() {
        space = .allocate(byteCount: Limits.directBytes, alignment: Limits.directBlockBytes)
    }

    deinit {
        space.deallocate()
    }

    /// Lets go of the memory that a large frame took.
    func rest() {
        if frame.capacity > 2 * Limits.directBytes { frame = [] }
    }

    /// Writes `frame` at `offset` of the segment, durably. False if that cannot be done this way: nothing was written then.
    func write(_ frame: [UInt8], at offset: Int, of file: SegmentFile) throws(StoreError) -> Bool {
        guard let filled = try fill(frame, at: offset, of: file),
            try filled.direct.write(filled.bytes, at: filled.offset)
        else { return false }
        written(filled)
        return true
    }

    /// The same, and calls `meanwhile` while the frame is being written; it is durable after a flush. False if that cannot be
    /// done: nothing was called then.
    func write(
        _ frame: [UInt8], at offset: Int, of file: SegmentFile, _ meanwhile: () -> Void
    ) throws(StoreError) -> Bool {
        // Only into a segment that has taken a write past the page cache: what can be done there is known.
        guard block?.file === file, let queue, let filled = try fill(frame, at: offset, of: file),
            try filled.direct.write(filled.bytes, at: filled.offset, in: queue, meanwhile)
        else { return false }
        written(filled)
        return true
    }

    /// Puts the blocks together in which `frame` lies. Nil if they cannot be written past the page cache.
    private func fill(_ frame: [UInt8], at offset: Int, of file: SegmentFile) throws(StoreError) -> Filled? {
        let before = offset % Limits.directBlockBytes
        let (start, end) = (offset - before, before + frame.count)
        let length = (end + Limits.directBlockBytes - 1) / Limits.directBlockBytes * Limits.directBlockBytes
        guard let direct = file.direct, length <= space.count, start + length <= file.length else {
            block = nil
            return nil
        }
        if before > 0, block?.file !== file || block?.end != offset {
            let read = try file.read(at: start, into: UnsafeMutableRawBufferPointer(rebasing: space[..<before]))
            guard read == before else { throw StoreError(.io, "\(file.name) ends at \(start + read)") }
        }
        block = nil
        UnsafeMutableRawBufferPointer(rebasing: space[before..<end]).copyBytes(from: frame)
        memset(space.baseAddress! + end, 0, length - end)
        return Filled(
            file: file, direct: direct, offset: start, bytes: UnsafeRawBufferPointer(rebasing: space[..<length]),
            end: offset + frame.count)
    }

    /// Keeps the last of the blocks, where the next frame goes on.
    private func written(_ filled: Filled) {
        let last = filled.bytes.count - Limits.directBlockBytes
        if last > 0 { space.copyMemory(from: UnsafeRawBufferPointer(rebasing: filled.bytes[last...])) }
        block = (filled.file, filled.end)
    }
}
