import Changes

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Follows the journal of a store that another process writes.
///
/// It remembers where the next frame should be, which costs two reads a frame. When the frame is not there, because the
/// writer went on in another segment, it looks for it: in the segment whose first frame has the greatest revision that is
/// not beyond the one wanted. If it is not there either, the writer has put it into LMDB and used its segment again.
///
/// Frames are never seen half written: nothing beyond the head that the writer published is looked at, and every frame is
/// checked whole, also against being overwritten while it is read.
struct JournalReader: Sendable {
    /// What ``next(expecting:visible:_:)`` found.
    enum Next<R> {
        /// What the closure made of the frame.
        case frame(R)
        /// There is nothing beyond what the caller has.
        case upToDate
        /// The frame is not in the journal any more: LMDB has it, read that anew. If it does not have it, and the writer
        /// lives, it will in an instant.
        case lost
    }

    private let files: SegmentFiles
    private let storeTag: UInt32
    private var opened: [JournalFile] = []
    private var position: Journal.Position?
    /// The epoch of the last frame: the next one's is not lower.
    private var epoch: UInt64 = 0
    private var buffer: [UInt8] = []

    init(directory: String, segmentBytes: Int, storeTag: UInt32) {
        files = SegmentFiles(directory: directory, segmentBytes: segmentBytes)
        self.storeTag = storeTag
    }

    /// Calls `body` with the frame that begins with `revision`; its payload is valid during the call.
    /// - Parameter visible: the head that the writer published.
    /// - Throws: what `body` throws; `damaged` if a segment has the wrong length; `io`.
    mutating func next<R>(
        expecting revision: Revision, visible: Revision, _ body: (FrameHeader, UnsafeRawBufferPointer) throws -> R
    ) throws -> Next<R> {
        if revision > visible { return .upToDate }
        if let result = try read(revision, visible, body) { return result }
        epoch = 0
        position = try locate(revision)
        return try read(revision, visible, body) ?? .lost
    }

    /// The frame at the position; nil if it is not the one wanted.
    private mutating func read<R>(
        _ revision: Revision, _ visible: Revision, _ body: (FrameHeader, UnsafeRawBufferPointer) throws -> R
    ) throws -> Next<R>? {
        guard let position, let header = try load(opened[position.segment], at: position.offset),
            header.firstRevision == revision, header.epoch >= epoch
        else { return nil }
        if header.lastRevision > visible { return .upToDate }
        let result = try buffer.withUnsafeBytes { bytes -> R? in
            guard case .frame(header, let payload) = Frame.parse(bytes, at: 0, storeTag: storeTag) else { return nil }
            return try body(header, payload)
        }
        guard let result else { return nil }
        self.position!.offset += header.frameBytes
        epoch = header.epoch
        return .frame(result)
    }

    /// Reads what may be a frame at `offset` into the buffer, and gives its header, which is not yet to be trusted.
    private mutating func load(_ file: JournalFile, at offset: Int) throws -> FrameHeader? {
        guard offset + Frame.headerBytes <= files.segmentBytes else { return nil }
        guard let header = try fill(file, offset, Frame.headerBytes),
            offset + header.frameBytes <= files.segmentBytes
        else { return nil }
        // Read whole at once, so that header and payload are of one moment, or the checksum says that they are not.
        return try fill(file, offset, header.frameBytes)
    }

    private mutating func fill(_ file: JournalFile, _ offset: Int, _ count: Int) throws -> FrameHeader? {
        if buffer.count < count { buffer = [UInt8](repeating: 0, count: max(count, 64 << 10)) }
        return try buffer.withUnsafeMutableBytes { memory in
            let target = UnsafeMutableRawBufferPointer(rebasing: memory[..<count])
            guard try file.read(into: target, at: offset) == count else { return nil }
            return Frame.header(UnsafeRawBufferPointer(target))
        }
    }

    /// Looks for the frame that begins with `revision`.
    private mutating func locate(_ revision: Revision) throws -> Journal.Position? {
        // Segments are numbered in the order in which they are made, and never go away.
        while opened.count < JournalLimits.segmentNumbers, let file = try files.open(opened.count, writable: false) {
            opened.append(file)
        }
        var best: (segment: Int, header: FrameHeader)?
        for (number, file) in opened.enumerated() {
            guard let header = try load(file, at: 0), header.firstRevision <= revision else { continue }
            if let best, (best.header.firstRevision, best.header.epoch) > (header.firstRevision, header.epoch) {
                continue
            }
            best = (number, header)
        }
        guard let best else { return nil }
        if best.header.firstRevision == revision { return Journal.Position(segment: best.segment, offset: 0) }
        return try walk(best.segment, to: revision)
    }

    private func walk(_ segment: Int, to revision: Revision) throws -> Journal.Position? {
        let contents = try opened[segment].contents()
        return contents.withUnsafeBytes { bytes in
            var offset = 0
            var epoch: UInt64 = 0
            while case .frame(let header, _) = Frame.parse(bytes, at: offset, storeTag: storeTag), header.epoch >= epoch
            {
                if header.firstRevision == revision { return Journal.Position(segment: segment, offset: offset) }
                offset += header.frameBytes
                epoch = header.epoch
            }
            return nil
        }
    }
}
