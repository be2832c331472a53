import Changes
import LMDB

/// What a ``Journal`` is made of.
struct JournalOptions: Sendable {
    /// The length of a segment, in bytes: a multiple of 4096, see ``JournalLimits``. Fixed when the store is made.
    var segmentBytes = JournalLimits.segmentBytes
    /// How many segments there are at most.
    var maximumSegments = JournalLimits.maximumSegments
    /// Low bits of the store's id, so that frames of another store are recognised.
    var storeTag: UInt32
    /// Tests make operations fail here: what it returns, unless it is 0, is the error of the system.
    var fault: (@Sendable (JournalOperation) -> Int32)?

    init(storeTag: UInt32) { self.storeTag = storeTag }
}

/// What a journal does to its files.
enum JournalOperation: Sendable { case write, flush, create }

/// The log of commits that LMDB does not have yet: a few segments, written in turn, used again when the checkpoint has
/// passed them. See ``Frame`` for the format and ``JournalScan`` for how it is read.
///
/// A frame is one write; `flush()` makes all that was written durable. Every use of a segment, and every opening, begins a
/// higher epoch. So frames that an earlier use left behind, even valid ones that come to lie right after a new frame, have
/// a lower epoch than the frame before them and end the segment.
///
/// A write or flush that failed is final: what is on the disk is unknown, and a second flush may succeed without having
/// written what the first one lost. From then on every append fails.
///
/// One thread appends; `flush`, `release(through:)` and `prepareSpare()` may come from others at the same time.
final class Journal: Sendable {
    /// What the threads share. Locked only for an instant, never during a call to the system.
    struct State: Sendable {
        var segments: [Int: Segment]
        /// The segment being written, where in it, and the epoch of this use; nil before the first append.
        var position: Position?
        var epoch: UInt64
        /// The last revision written.
        var head: Revision
        var flushedThrough: Revision
        /// The last revision that LMDB has.
        var checkpoint: Revision
        /// Segments written to since the last flush began.
        var unflushed: Set<Int> = []
        /// Why nothing more is written.
        var failure: StoreError?
        /// No segment can be made, because the disk is full.
        var noSpace = false
    }

    struct Segment: Sendable {
        let file: JournalFile
        /// The last revision in it; 0 if there is none that matters.
        var lastRevision: Revision
    }

    struct Position: Sendable {
        var segment: Int
        var offset: Int
    }

    let options: JournalOptions
    let files: SegmentFiles
    let state: Lock<State>
    /// Held for the length of a flush, so that who comes second does not return before the first is through.
    let flushing = Lock(())
    /// Held while a segment is made.
    let creating = Lock(())
    /// Held by the appending thread, with the memory in which frames are put together.
    let buffer = Lock([UInt8]())

    /// Opens the journal in `directory` for writing, and makes segments as they are needed.
    ///
    /// - Parameters:
    ///   - checkpoint: the last revision that LMDB has.
    ///   - knownDurable: a revision known from elsewhere to have been flushed, 0 if none: its absence is damage.
    ///   - body: called with every frame beyond the checkpoint, in order. They are on the disk when the call to `init` ends.
    /// - Throws: what `body` throws, `damaged`, `io`.
    init(
        recovering directory: String, _ options: JournalOptions, checkpoint: Revision, knownDurable: Revision = 0,
        _ body: (FrameHeader, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        precondition(
            JournalLimits.segmentBytesAllowed.contains(options.segmentBytes) && options.segmentBytes % 4096 == 0,
            "a segment is a multiple of 4096 bytes, from 64 KiB to 1 GiB")
        precondition((2...JournalLimits.segmentNumbers).contains(options.maximumSegments), "2 to 256 segments")
        self.options = options
        files = SegmentFiles(directory: directory, segmentBytes: options.segmentBytes)
        files.removeUnfinished()
        let opened = try files.openAll(writable: true)
        let scan = try JournalScan(
            opened, storeTag: options.storeTag, checkpoint: checkpoint, knownDurable: knownDurable)
        try scan.deliver(body)
        try Self.settle(scan)
        var segments = opened.mapValues { Segment(file: $0, lastRevision: 0) }
        for piece in scan.pieces { segments[piece.run.segment]!.lastRevision = piece.revisions.upperBound }
        state = Lock(
            State(
                segments: segments,
                position: scan.pieces.last.map { Position(segment: $0.run.segment, offset: $0.run.end) },
                epoch: scan.highestEpoch + 1, head: scan.head, flushedThrough: scan.head, checkpoint: checkpoint))
    }

    /// Makes what was found durable, before anyone builds on it, and takes what was dropped out of the way of readers: a
    /// revision must never be found twice with different content.
    private static func settle(_ scan: JournalScan) throws {
        let magicGone = [UInt8](repeating: 0, count: 8)
        for run in scan.dropped {
            try magicGone.withUnsafeBytes { zeros in
                try scan.files[run.segment]!.write(zeros, at: run.start)
            }
        }
        for number in Set(scan.dropped.map(\.segment) + scan.pieces.map(\.run.segment)) {
            try scan.files[number]!.flush()
        }
    }

    /// The last revision written.
    var head: Revision { state.withLock { $0.head } }
    /// The last revision that survives a loss of power.
    var flushedThrough: Revision { state.withLock { $0.flushedThrough } }
    /// How many segments there are.
    var segmentCount: Int { state.withLock { $0.segments.count } }
    /// The longest payload that a frame can have, in bytes.
    var maximumPayloadBytes: Int { options.segmentBytes - Frame.headerBytes }
}
