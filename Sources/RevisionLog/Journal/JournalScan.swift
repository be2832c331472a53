import Changes
import Synchronization
import Threads

/// What is in the segments of a journal: found by reading all of them, believed only where checksums hold.
///
/// The journal's contents are the frames with contiguous revisions from the checkpoint on. The first that is missing or
/// broken ends them; if it was never flushed it is a torn tail, and what follows it was never acknowledged. But each
/// frame also says through which revision the journal had been flushed before it: if a valid frame, anywhere, vouches
/// for a revision that was not found, that is damage, and the journal is refused.
struct JournalScan {
    /// A frame, and where it stands.
    struct Found {
        var header: FrameHeader
        var segment: Int
        var offset: Int
        var payloadLength: Int

        /// Where the next frame begins.
        var end: Int { offset + FrameHeader.frameLength(payloadLength) }
    }

    private(set) var segments: [SegmentFile]
    /// The highest epoch of any valid frame.
    private(set) var epoch: UInt64 = 0
    /// The frames that may count: those of the leading run of each segment.
    private var frames: [Found] = []
    /// Valid frames beyond: left by an earlier use of the segment, or after a torn one.
    private var beyond: [Found] = []
    private var flushedThrough: Revision = 0
    /// Where a run ended before the end of its segment's valid frames: the place of the damage, if it is one.
    private var breaks: [(segment: Int, offset: Int)] = []

    /// Reads all `segments` of the store `storeTag`, each processor some of them.
    init(_ segments: [SegmentFile], storeTag: UInt32) throws {
        self.segments = segments
        for segment in segments { segment.expectReading(segment.length) }
        let next = Atomic(0)
        let longest = segments.map(\.length).max() ?? 0
        let parts = try inParallel(segments.count, least: 1) { part in
            // One piece of memory for all: fresh memory costs more than reading into it.
            let buffer = UnsafeMutableRawBufferPointer.allocate(
                byteCount: longest, alignment: MemoryLayout<UInt64>.alignment)
            defer { buffer.deallocate() }
            // Each takes the next, since they are of very different lengths.
            var scans: [(index: Int, scan: JournalScan)] = []
            while case let index = next.add(1, ordering: .relaxed).oldValue, index < segments.count {
                var scan = JournalScan(segments)
                try scan.read(index, storeTag, buffer)
                scans.append((index, scan))
            }
            return scans
        }
        for (_, scan) in parts.flatMap(\.self).sorted(by: { $0.index < $1.index }) { add(scan) }
    }

    private init(_ segments: [SegmentFile]) {
        self.segments = segments
    }

    private mutating func read(
        _ index: Int, _ storeTag: UInt32, _ buffer: UnsafeMutableRawBufferPointer
    ) throws(StoreError) {
        let segment = UnsafeMutableRawBufferPointer(rebasing: buffer[..<segments[index].length])
        let filled = try segments[index].read(at: 0, into: segment)
        try scan(index, UnsafeRawBufferPointer(rebasing: segment[..<filled]), storeTag)
    }

    /// Takes in what was found in later segments.
    private mutating func add(_ other: JournalScan) {
        epoch = max(epoch, other.epoch)
        flushedThrough = max(flushedThrough, other.flushedThrough)
        frames += other.frames
        beyond += other.beyond
        breaks += other.breaks
    }

    /// Segments that are known to have nothing that counts, and are not read.
    init(closed segments: [SegmentFile], _ epoch: UInt64) {
        self.segments = segments
        self.epoch = epoch
    }

    /// The frame at the begin of `segment`, if a whole, valid one is there.
    static func firstFrame(_ segment: SegmentFile) throws(StoreError) -> FrameHeader? {
        let header = try segment.read(at: 0, count: FrameHeader.length)
        guard let claimed = header.withUnsafeBytes({ FrameHeader.claimedLength($0) }), claimed <= segment.length
        else { return nil }
        return try segment.read(at: 0, count: claimed).withUnsafeBytes { FrameHeader.read($0)?.header }
    }

    /// The epoch that the frame at the begin of `segment` claims to have; 0 if there is none.
    static func claimedEpoch(_ segment: SegmentFile) throws(StoreError) -> UInt64 {
        try segment.read(at: 0, count: FrameHeader.length).withUnsafeBytes { FrameHeader.claimedEpoch($0) }
    }

    /// Opens the segments in `directory`.
    static func open(_ directory: String, readOnly: Bool) throws(StoreError) -> [SegmentFile] {
        var segments: [SegmentFile] = []
        while let segment = try SegmentFile(
            opening: SegmentFile.name(segments.count), in: directory, readOnly: readOnly)
        {
            segments.append(segment)
        }
        return segments
    }

    /// The frames after `checkpoint`, in order.
    ///
    /// - Throws: `StoreError` with `.damaged` if a flushed frame is missing, or if `checkpoint` lies inside a frame. That
    ///   cannot be told, and is not thrown, if the journal `isLive`: its writer may have moved on between the reads of two
    ///   segments.
    func frames(after checkpoint: Revision, isLive: Bool = false) throws(StoreError) -> [Found] {
        // Of two frames with the same revision the one written later counts.
        let sorted = frames.filter { $0.header.lastRevision > checkpoint }
            .sorted { ($0.header.firstRevision, $1.header.epoch) < ($1.header.firstRevision, $0.header.epoch) }
        var next = checkpoint + 1
        var epoch: UInt64 = 0
        var result: [Found] = []
        for frame in sorted where frame.header.firstRevision == next && frame.header.epoch >= epoch {
            result.append(frame)
            next = frame.header.lastRevision + 1
            epoch = frame.header.epoch
        }
        if isLive { return result }
        guard flushedThrough < next else { throw damage(missing: next) }
        if let split = sorted.first?.header, split.firstRevision <= checkpoint {
            throw StoreError(
                .damaged,
                "the journal has revisions \(split.firstRevision) to \(split.lastRevision) in one frame, but was checkpointed "
                    + "through \(checkpoint); the directory mixes files of different times: restore a backup, "
                    + "or run `vigil recover`")
        }
        return result
    }

    /// Valid frames with revisions after `head`, the end of what counts. They were never acknowledged, and must not
    /// come to count when the revisions before them have been made anew.
    func leftovers(after head: Revision) -> [Found] {
        (frames + beyond).filter { $0.header.lastRevision > head }
    }

    /// The payload of `frame`.
    func payload(_ frame: Found) throws(StoreError) -> [UInt8] {
        try segments[frame.segment].read(at: frame.offset + FrameHeader.length, count: frame.payloadLength)
    }

    private mutating func scan(
        _ index: Int, _ bytes: UnsafeRawBufferPointer, _ storeTag: UInt32
    ) throws(StoreError) {
        var foreign: FrameHeader?
        var offset = 0
        var isContiguous = true
        var epochOfRun: UInt64 = 0
        while offset + FrameHeader.length <= bytes.count {
            // Another store's frame, if not the segment's first, is only something that was put as a value into this
            // one, and has come to light since.
            guard let (header, payload) = FrameHeader.read(.init(rebasing: bytes[offset...])),
                header.storeTag == storeTag || offset == 0
            else {
                if isContiguous { breaks.append((index, offset)) }
                isContiguous = false
                offset = FrameHeader.nextMagic(bytes, from: offset + 8) ?? bytes.count
                continue
            }
            if header.storeTag != storeTag { foreign = header }
            if isContiguous, header.epoch < epochOfRun {
                breaks.append((index, offset))
                isContiguous = false
            }
            epoch = max(epoch, header.epoch)
            flushedThrough = max(flushedThrough, header.flushedThrough)
            let found = Found(header: header, segment: index, offset: offset, payloadLength: payload.count)
            offset += FrameHeader.frameLength(payload.count)
            if isContiguous {
                epochOfRun = header.epoch
                frames.append(found)
            } else {
                beyond.append(found)
            }
        }
        if let foreign {
            throw StoreError(
                .damaged,
                "\(segments[index].name) belongs to another store (tag \(foreign.storeTag), not \(storeTag)); "
                    + "the directory mixes files of two stores")
        }
    }

    private func damage(missing: Revision) -> StoreError {
        // The break that comes after the last frame before the missing one is the place.
        let before = frames.last { $0.header.lastRevision == missing - 1 }
        let place =
            breaks.first { $0.segment == before?.segment && $0.offset > before?.offset ?? -1 }
            ?? breaks.first
        let location = place.map { "\(segments[$0.segment].name) at byte \($0.offset)" } ?? "the journal"
        var error = StoreError(
            .damaged,
            "\(location): revision \(missing) is missing or broken, though the journal was flushed through "
                + "\(flushedThrough); what comes before is intact. Keep a copy of the directory as it is, and "
                + "restore a backup, or run `vigil recover` to make a new store of what is intact")
        error.requested = missing
        return error
    }
}

/// The frames that were found when a journal was opened, in order. What they hold is read when it is asked for.
struct FoundFrames: Sendable {
    let scan: JournalScan
    let frames: [JournalScan.Found]

    var count: Int { frames.count }

    func frame(_ index: Int) throws(StoreError) -> (header: FrameHeader, payload: [UInt8]) {
        (frames[index].header, try scan.payload(frames[index]))
    }
}
