import Changes
import Threads

/// The journal of a store that is open for writing: segments used in turn, each commit one frame and one flush.
///
/// The committer appends; at the level `.interval` another thread flushes; the checkpointer releases segments, and a thread
/// of its own prepares spare ones. A write or flush that failed is not repeated: nobody knows what the disk has kept of it. From
/// then on every append fails.
///
/// Reading all segments is most of what opening a store would take, and is spared when the store was closed in good order:
/// then LMDB has everything, and knows the epoch that the journal had (`Meta.closedEpoch`). Who opens it so writes his first
/// frame, of a higher epoch, to the begin of the first segment, and flushes it before he writes another. So as long as a
/// frame is there that is no newer than the closing, nothing was written since, unless that frame had no room there and
/// begins another segment.
///
/// Segments are as long as the store needs them: the first is short, each that is made later is longer than those before,
/// up to a limit, and a closing in good order leaves but the first. A frame that is longer than that limit has a segment of its
/// own, until its turn comes again.
final class Journal: Sendable {
    private struct Segment {
        var file: SegmentFile
        /// The last revision in it; 0 if there is none that matters.
        var lastRevision: Revision = 0
    }

    private struct Contents {
        var segments: [Segment]
        /// The one being written, and where.
        var current: Int
        var offset: Int
        var epoch: UInt64
        /// That of the newest frame; 0 if there is none.
        var lastEpoch: UInt64
        /// Whether a frame was written since the journal was opened.
        var isBegun = false
        var head: Revision
        var flushedThrough: Revision
        var released: Revision
        /// Files written since they were flushed.
        var unflushed: [SegmentFile] = []
        var failure: StoreError?
        /// Whether a spare segment is being made.
        var isPreparing = false
        /// The epoch in which none could be made.
        var failedEpoch: UInt64?
        var isEnding = false
    }

    private let contents: Monitor<Contents>
    private let directory: String
    private let storeTag: UInt32
    private let lengths: SegmentLengths
    private let flushesFirst: Bool
    private let faults: JournalFaults?
    /// For who appends; one does after another.
    private let blocks = FrameBlocks()
    /// How long flushes took.
    let flushes = DurationCounters()

    /// Opens or creates the journal in `directory`, and passes the frames after `checkpoint` to `recover`, if there are any. All
    /// of them are flushed meanwhile, since the process that wrote them may have died before its flush.
    ///
    /// - Parameters:
    ///   - lengths: How long segments are made, and how many at most.
    ///   - closedEpoch: That of the last closing, see ``closingEpoch``; 0 if unknown.
    ///   - flushesFirst: Whether the first frame is flushed here; without it every frame has to be flushed before the next.
    init(
        directory: String, storeTag: UInt32, lengths: SegmentLengths, checkpoint: Revision, closedEpoch: UInt64 = 0,
        flushesFirst: Bool = true, faults: JournalFaults? = nil,
        recover: (FoundFrames) throws -> Void
    ) throws {
        var files = try JournalScan.open(directory, readOnly: false)
        let isClosed = try Self.isClosed(files, closedEpoch, storeTag: storeTag)
        let scan = isClosed ? JournalScan(closed: files, closedEpoch) : try JournalScan(files, storeTag: storeTag)
        let frames = try scan.frames(after: checkpoint)
        if !frames.isEmpty { try Self.flush(files) { try recover(FoundFrames(scan: scan, frames: frames)) } }
        if files.isEmpty {
            // What else the store consists of must be there first, or a loss of power could leave a journal alone.
            try SegmentFile.flushDirectory(directory)
            files.append(
                try SegmentFile(creating: SegmentFile.name(0), in: directory, length: lengths.first))
        }
        let head = frames.last?.header.lastRevision ?? checkpoint
        // Also above that of the closing: the segments may be others than it saw.
        let newest = max(scan.epoch, closedEpoch)
        try Self.erase(scan.leftovers(after: head), files)
        var segments = files.map { Segment(file: $0) }
        for frame in frames { segments[frame.segment].lastRevision = frame.header.lastRevision }
        let current = frames.last?.segment ?? 0
        contents = Monitor(
            Contents(
                segments: segments, current: current, offset: frames.last?.end ?? 0,
                epoch: newest + 1, lastEpoch: newest, head: head, flushedThrough: head, released: checkpoint))
        self.directory = directory
        self.storeTag = storeTag
        self.lengths = lengths
        self.flushesFirst = flushesFirst
        self.faults = faults
    }

    /// Flushes `files` while `body` runs.
    private static func flush(_ files: [SegmentFile], while body: () throws -> Void) throws {
        let flushed = Lock<Result<Void, any Error>>(.success(()))
        let thread = OSThread {
            let result = Result { for file in files { try file.flush() } }
            flushed.withLock { $0 = result }
        }
        defer { thread.join() }
        try body()
        thread.join()
        try flushed.withLock { $0 }.get()
    }

    /// Whether nothing was written since the closing at `epoch`: no segment begins with a newer frame.
    private static func isClosed(
        _ files: [SegmentFile], _ epoch: UInt64, storeTag: UInt32
    ) throws(StoreError) -> Bool {
        guard epoch > 0, let file = files.first else { return false }
        for file in files { file.expectReading(FrameHeader.length) }
        guard let first = try JournalScan.firstFrame(file), first.epoch <= epoch, first.storeTag == storeTag
        else { return false }
        for file in files.dropFirst() where try JournalScan.claimedEpoch(file) > epoch {
            // Only what claims to be newer has to be read as a whole.
            if let other = try JournalScan.firstFrame(file), other.epoch > epoch { return false }
        }
        return true
    }

    /// The epoch to note when all revisions are in LMDB and the journal is closed; nil if it has failed.
    var closingEpoch: UInt64? { contents.withLock { $0.failure == nil ? $0.lastEpoch : nil } }

    /// Makes frames invalid that were written but never acknowledged.
    private static func erase(_ frames: [JournalScan.Found], _ files: [SegmentFile]) throws(StoreError) {
        let zeros = [UInt8](repeating: 0, count: FrameHeader.length)
        for frame in frames {
            try files[frame.segment].write(zeros, at: frame.offset)
        }
        for segment in Set(frames.map(\.segment)) { try files[segment].flush() }
    }

    /// The segments that there are, by their length in bytes.
    var segmentBytes: [Int] { contents.withLock { $0.segments.map(\.file.length) } }

    /// Where a frame goes.
    private struct Place {
        var file: SegmentFile
        var offset: Int
        /// Whether there is nothing else to flush, so that the frame may be written past the page cache.
        var isAlone: Bool
        var isFlushedFirst: Bool
    }

    /// Writes one frame, for one thread at a time. It is durable after a flush; with `durably` it may be at once.
    /// `underway` is called at most once, at the latest when the frame is about to be written.
    ///
    /// - Returns: Whether it is durable.
    /// - Throws: `StoreError`: `.readOnly` after a failure; `.full` if no segment is free and none can be made, in which
    ///   case nothing was written and it may be tried again.
    @discardableResult
    func append(
        _ header: FrameHeader, payload: [UInt8], durably: Bool = false, underway: (() -> Void)? = nil
    ) throws -> Bool {
        var header = header
        let length = FrameHeader.frameLength(payload.count)
        let place = try contents.wait { contents throws -> Place? in
            try Self.requireIntact(contents)
            // A spare segment that is being made is waited for.
            if needsTurn(contents, length), contents.isPreparing, free(contents) == nil { return nil }
            if needsTurn(contents, length) { try turn(&contents, length) }
            header.epoch = contents.epoch
            header.storeTag = storeTag
            header.flushedThrough = contents.flushedThrough
            return Place(
                file: contents.segments[contents.current].file, offset: contents.offset,
                isAlone: contents.unflushed.isEmpty, isFlushedFirst: flushesFirst && !contents.isBegun)
        }!
        header.write(payload, into: &blocks.frame)
        let isDurable: Bool
        do throws(StoreError) {
            isDurable = try write(blocks.frame, place, durably: durably, underway)
        } catch {
            throw contents.withLock { Self.fail(&$0, error) }
        }
        blocks.rest()
        let wantsSpare = contents.withLock { contents in
            contents.isBegun = true
            contents.lastEpoch = contents.epoch
            contents.offset += length
            contents.head = header.lastRevision
            contents.segments[contents.current].lastRevision = header.lastRevision
            if isDurable {
                contents.flushedThrough = header.lastRevision
            } else if !contents.unflushed.contains(where: { $0 === place.file }) {
                contents.unflushed.append(place.file)
            }
            return self.wantsSpare(contents)
        }
        if wantsSpare { contents.wake() }
        return isDurable
    }

    private func needsTurn(_ contents: Contents, _ length: Int) -> Bool {
        contents.offset + length > contents.segments[contents.current].file.length
    }

    /// Writes `frame`, past the page cache if that is wanted and can be done; returns whether it was, so that it is durable.
    private func write(
        _ frame: [UInt8], _ place: Place, durably: Bool, _ underway: (() -> Void)?
    ) throws(StoreError) -> Bool {
        try faults?.beforeWrite?()
        let began = ContinuousClock.now
        let isDirect = durably && place.isAlone
        if isDirect, let underway, try blocks.write(frame, at: place.offset, of: place.file, underway) {
            try faults?.beforeFlush?()
            try place.file.flush()
        } else {
            underway?()
            guard isDirect, try blocks.write(frame, at: place.offset, of: place.file) else {
                try place.file.write(frame, at: place.offset)
                if place.isFlushedFirst { try place.file.flush() }
                return false
            }
            try faults?.beforeFlush?()
        }
        flushes.add(ContinuousClock.now - began)
        return true
    }

    /// Makes everything appended so far survive a loss of power. For one thread at a time: what another is just flushing
    /// is not waited for.
    func flush() throws {
        try flushes.measure { try flushFiles() }
    }

    private func flushFiles() throws {
        let (files, head) = try contents.withLock { contents in
            try Self.requireIntact(contents)
            defer { contents.unflushed = [] }
            return (contents.unflushed, contents.head)
        }
        do throws(StoreError) {
            try faults?.beforeFlush?()
            for file in files { try file.flush() }
        } catch {
            throw contents.withLock { Self.fail(&$0, error) }
        }
        contents.withLock { $0.flushedThrough = max($0.flushedThrough, head) }
    }

    /// Lets every later append fail with `failure`: nothing can be checkpointed any more.
    func stop(_ failure: StoreError) {
        contents.withLock { if $0.failure == nil { $0.failure = failure } }
    }

    /// LMDB now has everything through `revision`: segments that end there can be used again.
    func release(through revision: Revision) {
        contents.withLock { $0.released = max($0.released, revision) }
    }

    /// Whether a frame with a payload of `payloadLength` finds room, without waiting for a checkpoint.
    func hasRoom(for payloadLength: Int) -> Bool {
        contents.withLock { contents in
            contents.failure != nil
                || contents.offset + FrameHeader.frameLength(payloadLength)
                    <= contents.segments[contents.current].file.length
                || contents.segments.count < lengths.maximumCount || free(contents) != nil
        }
    }

    /// Makes spare segments until ``endSpares()``, each when it will be needed soon, so that the committer does not have to:
    /// all writers would wait for it. Blocks; for a thread of its own.
    func keepSpare() {
        while true {
            let isOver: Bool = contents.wait { contents -> Bool? in
                if contents.isEnding { return true }
                return wantsSpare(contents) ? false : nil
            }!
            if isOver { return }
            do {
                try prepareSpare()
            } catch {
                // The committer tries it itself, and says what is wrong.
                contents.withLock { $0.failedEpoch = $0.epoch }
            }
        }
    }

    /// Lets ``keepSpare()`` return.
    func endSpares() { contents.notify { $0.isEnding = true } }

    /// Whether no segment is free, and the one that is being written has begun to fill. Before that a checkpoint is likely
    /// to release one, if writers are slow.
    private func wantsSpare(_ contents: Contents) -> Bool {
        contents.failure == nil && !contents.isPreparing && contents.failedEpoch != contents.epoch
            && contents.offset > contents.segments[contents.current].file.length / 4
            && contents.segments.count < lengths.maximumCount && free(contents) == nil
    }

    /// Makes a spare segment if one is wanted.
    func prepareSpare() throws {
        let spare: (number: Int, length: Int)? = contents.withLock { contents in
            contents.isPreparing = wantsSpare(contents)
            guard contents.isPreparing else { return nil }
            return (contents.segments.count, lengths.next(contents.segments.map(\.file.length)))
        }
        guard let spare else { return }
        // Outside of the lock: filling a segment with zeros takes milliseconds.
        let made = Result { () throws(StoreError) in
            try SegmentFile(creating: SegmentFile.name(spare.number), in: directory, length: spare.length)
        }
        contents.notify { contents in
            contents.isPreparing = false
            if case .success(let file) = made { contents.segments.append(Segment(file: file)) }
        }
        _ = try made.get()
    }

    /// Ends the journal, and gives back what a closed store does not need: all segments but the first, and the end of that.
    /// Only when ``closingEpoch`` is noted, so that nothing in them counts.
    ///
    /// The last goes first, so that whoever opens the journal finds no gap. Nothing is flushed: a segment that comes back in
    /// a loss of power does not count either.
    func trim() throws {
        try contents.withLock { contents in
            try Self.requireIntact(contents)
            contents.failure = StoreError(.closed, "the store is closed")
            while contents.segments.count > 1 {
                try contents.segments[contents.segments.count - 1].file.remove(from: directory)
                contents.segments.removeLast()
                Failpoint.reach(.segmentRemoved)
            }
            try contents.segments[0].file.cut(to: lengths.first)
        }
    }

    /// Goes on in a segment that is free, or in a new one.
    private func turn(_ contents: inout Contents, _ length: Int) throws(StoreError) {
        let free = free(contents)
        let freeLength = free.map { contents.segments[$0].file.length } ?? 0
        if let free, lengths.suits(freeLength, for: length) {
            contents.current = free
        } else if contents.segments.count < lengths.maximumCount, !lengths.isOverlong(freeLength) {
            let file = try makeSegment(contents.segments.count, contents, for: length)
            contents.segments.append(Segment(file: file))
            contents.current = contents.segments.count - 1
        } else if let free {
            // Too short or too long: a new file takes its place.
            contents.segments[free].file = try makeSegment(free, contents, for: length)
            contents.current = free
        } else {
            throw StoreError(
                .full, "the journal has no free segment for a frame of \(length) bytes; wait for a checkpoint")
        }
        contents.offset = 0
        contents.epoch += 1
        contents.segments[contents.current].lastRevision = 0
        Failpoint.reach(.segmentTurned)
    }

    /// The longest segment that may be used again.
    private func free(_ contents: Contents) -> Int? {
        // Lazily, since every append looks.
        contents.segments.indices.lazy.filter {
            $0 != contents.current && contents.segments[$0].lastRevision <= contents.released
        }.max { contents.segments[$0].file.length < contents.segments[$1].file.length }
    }

    private func makeSegment(
        _ number: Int, _ contents: Contents, for frame: Int
    ) throws(StoreError) -> SegmentFile {
        let length = lengths.next(contents.segments.map(\.file.length), for: frame)
        return try SegmentFile(creating: SegmentFile.name(number), in: directory, length: length)
    }

    private static func requireIntact(_ contents: Contents) throws(StoreError) {
        if let failure = contents.failure { throw failure }
    }

    private static func fail(_ contents: inout Contents, _ cause: StoreError) -> StoreError {
        let failure = StoreError(
            .readOnly,
            "the journal failed (\(cause.message)); the store only reads until it is opened again, since nobody knows "
                + "what the disk has kept of the last write")
        contents.failure = failure
        return failure
    }
}
