import Changes
import Foundation
import Testing

@testable import RevisionLog

let smallSegment = 64 << 10

/// A directory with a journal, for one test.
final class JournalDirectory: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "/vigil-journal-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    func file(_ number: Int) -> String { path + "/" + SegmentFile.name(number) }

    func read(_ number: Int = 0) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: file(number))))
    }

    /// Makes `bytes` the content of segment `number`.
    func write(_ bytes: [UInt8], _ number: Int = 0) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: file(number)))
    }

    func openSegments() throws -> [SegmentFile] {
        try JournalScan.open(path, readOnly: true)
    }
}

/// What a journal delivered when it was opened.
struct Delivered: Equatable {
    var first: Revision
    var last: Revision
    var payload: [UInt8]
    var epoch: UInt64
}

/// Opens the journal for writing, and gives what it delivered. Its segments are the smallest, and few, and all of one length
/// unless `firstBytes` says otherwise.
func openJournal(
    _ directory: JournalDirectory, checkpoint: Revision = 0, closedEpoch: UInt64 = 0, storeTag: UInt32 = 7,
    segmentBytes: Int = smallSegment, firstBytes: Int? = nil, maximumSegments: Int = 3, faults: JournalFaults? = nil
) throws -> (Journal, [Delivered]) {
    var delivered: [Delivered] = []
    let journal = try Journal(
        directory: directory.path, storeTag: storeTag,
        lengths: SegmentLengths(
            first: firstBytes ?? segmentBytes, longest: segmentBytes, maximumCount: maximumSegments),
        checkpoint: checkpoint, closedEpoch: closedEpoch, faults: faults
    ) { frames in
        delivered = try (0..<frames.count).map { index in
            let (header, payload) = try frames.frame(index)
            return Delivered(
                first: header.firstRevision, last: header.lastRevision, payload: payload, epoch: header.epoch)
        }
    }
    return (journal, delivered)
}

/// What the frame that begins with `revision` holds in these tests.
func pattern(_ revision: Revision, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: Int(revision) &* 31 &+ $0 &* 7) }
}

extension Journal {
    /// Appends the frame that begins with `revision`, with a payload of `bytes` bytes.
    func append(_ revision: Revision, bytes: Int, records: Int = 1) throws {
        let header = FrameHeader(
            codec: 0, rawLength: bytes, firstRevision: revision, recordCount: records, milliseconds: 1_700_000_000_000)
        try append(header, payload: pattern(revision, bytes))
    }

    var segmentCount: Int { segmentBytes.count }

    /// Appends frames of one revision until there is no room, and gives the revision that would be next.
    func fill(from revision: Revision, bytes: Int) throws -> Revision {
        var next = revision
        while hasRoom(for: bytes) {
            try append(next, bytes: bytes)
            next += 1
        }
        return next
    }
}

extension [Delivered] {
    /// Whether these are all revisions in `range`, each with what ``pattern(_:_:)`` says.
    func isExactly(_ range: Range<Revision>) -> Bool {
        var next = range.lowerBound
        for frame in self {
            let expected = pattern(frame.first, frame.payload.count)
            guard frame.first == next, frame.payload == expected else { return false }
            next = frame.last + 1
        }
        return next == range.upperBound
    }
}

/// The error that `body` throws, if it is one of ours.
func storeError(_ body: () throws -> Void) -> StoreError? {
    do {
        try body()
        return nil
    } catch {
        return error as? StoreError
    }
}

/// Runs `body` while a directory stands at `path`.
func inTheWay(_ path: String, _ body: () throws -> Void) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: path) }
    try body()
}
