import Changes
import Testing

@testable import RevisionLog

/// Segments put together by hand, as crashes at unlucky moments leave them.
@Suite struct JournalScanTests {
    /// One frame of one revision.
    struct Made {
        var revision: Revision
        var epoch: UInt64
        var flushedThrough: Revision = 0

        var bytes: [UInt8] {
            var header = FrameHeader(codec: 0, rawLength: 9, firstRevision: revision, recordCount: 1, milliseconds: 0)
            header.epoch = epoch
            header.storeTag = 7
            header.flushedThrough = flushedThrough
            var bytes: [UInt8] = []
            header.write(pattern(revision, 9), into: &bytes)
            return bytes
        }
    }

    struct Found: Equatable {
        var revisions: [Revision]
        var epochs: [UInt64]
        /// How many valid frames are left over behind these.
        var leftovers: Int
    }

    /// Scans segments that hold these frames one after the other.
    func scan(_ segments: [[Made]], checkpoint: Revision = 0, isLive: Bool = false) throws -> Found {
        let directory = try JournalDirectory()
        for (number, frames) in segments.enumerated() {
            let bytes = frames.flatMap(\.bytes)
            try directory.write(bytes + [UInt8](repeating: 0, count: smallSegment - bytes.count), number)
        }
        let scan = try JournalScan(directory.openSegments(), storeTag: 7)
        let frames = try scan.frames(after: checkpoint, isLive: isLive)
        for frame in frames {
            #expect(try scan.payload(frame) == pattern(frame.header.firstRevision, 9))
        }
        let head = frames.last?.header.lastRevision ?? checkpoint
        return Found(
            revisions: frames.map(\.header.firstRevision), epochs: frames.map(\.header.epoch),
            leftovers: scan.leftovers(after: head).count)
    }

    @Test func segmentsAreOrderedByTheirRevisions() throws {
        let found = try scan([
            [Made(revision: 3, epoch: 2), Made(revision: 4, epoch: 2)],
            [Made(revision: 1, epoch: 1), Made(revision: 2, epoch: 1)],
            [Made(revision: 5, epoch: 3)],
        ])
        #expect(found == Found(revisions: [1, 2, 3, 4, 5], epochs: [1, 1, 2, 2, 3], leftovers: 0))
    }

    @Test func aLowerEpochDoesNotContinueAHigherOne() throws {
        let found = try scan([
            [Made(revision: 1, epoch: 1), Made(revision: 2, epoch: 3)],
            [Made(revision: 3, epoch: 2)],
        ])
        #expect(found == Found(revisions: [1, 2], epochs: [1, 3], leftovers: 1))
    }

    @Test func ofTwoFramesForARevisionTheHigherEpochCounts() throws {
        let found = try scan([
            [Made(revision: 1, epoch: 1), Made(revision: 2, epoch: 1)],
            [Made(revision: 2, epoch: 2), Made(revision: 3, epoch: 2)],
        ])
        #expect(found == Found(revisions: [1, 2, 3], epochs: [1, 2, 2], leftovers: 0))
    }

    @Test func staleFramesAfterNewOnesEndASegment() throws {
        let found = try scan([[Made(revision: 8, epoch: 5), Made(revision: 7, epoch: 2)]], checkpoint: 7)
        #expect(found == Found(revisions: [8], epochs: [5], leftovers: 0))
    }

    @Test func staleFramesWithLaterRevisionsAreLeftovers() throws {
        let found = try scan([[Made(revision: 8, epoch: 5), Made(revision: 9, epoch: 2)]], checkpoint: 7)
        #expect(found == Found(revisions: [8], epochs: [5], leftovers: 1))
    }

    @Test func aStaleFrameStillBearsWitness() throws {
        let segments = [[Made(revision: 8, epoch: 5), Made(revision: 10, epoch: 2, flushedThrough: 9)]]
        let error = storeError { _ = try scan(segments, checkpoint: 7) }
        #expect(error?.code == .damaged)
        #expect(error?.message.contains("revision 9 is missing or broken") == true)
        // Beside a live writer that says nothing: it may have moved on between the reads of two segments.
        let found = try scan(segments, checkpoint: 7, isLive: true)
        #expect(found == Found(revisions: [8], epochs: [5], leftovers: 1))
    }

    @Test func aGapEndsWhatCounts() throws {
        let found = try scan([
            [Made(revision: 1, epoch: 1), Made(revision: 2, epoch: 1)],
            [Made(revision: 4, epoch: 2)],
        ])
        #expect(found == Found(revisions: [1, 2], epochs: [1, 1], leftovers: 1))
    }

    @Test func theHighestEpochIsThatOfAnyValidFrame() throws {
        let directory = try JournalDirectory()
        let stale = Made(revision: 1, epoch: 9).bytes
        let bytes = Made(revision: 5, epoch: 4).bytes + [UInt8](repeating: 0xEE, count: 64) + stale
        try directory.write(bytes + [UInt8](repeating: 0, count: smallSegment - bytes.count))
        #expect(try JournalScan(directory.openSegments(), storeTag: 7).epoch == 9)
    }
}
