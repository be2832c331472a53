import Changes
import TestSupport
import Testing
import Threads

@testable import RevisionLog

/// What is done while a frame is being written.
@Suite(.timeLimit(.minutes(1))) struct JournalUnderwayTests {
    /// Frames of all sizes, written in all ways, by journals that are abandoned and opened again: what was to be done
    /// meanwhile is done once, and all frames are there.
    @Test(arguments: 0..<4) func allFramesAreThere(seed: UInt64) throws {
        var random = SeededGenerator(seed)
        let directory = try JournalDirectory()
        var (journal, _) = try openJournal(directory)
        var next: Revision = 1
        var checkpoint: Revision = 0
        while next < 200 {
            let bytes = Int.random(in: 0...[100, 5000, 20_000].randomElement(using: &random)!, using: &random)
            if !journal.hasRoom(for: bytes) {
                checkpoint = next - 1
                journal.release(through: checkpoint)
            }
            let header = FrameHeader(
                codec: 0, rawLength: bytes, firstRevision: next, recordCount: 1, milliseconds: 1_700_000_000_000)
            let isDurable = Int.random(in: 0..<8, using: &random) > 0
            var calls = 0
            let underway = { calls += 1 }
            let isNotified = Bool.random(using: &random)
            let wasDurable = try journal.append(
                header, payload: pattern(next, bytes), durably: isDurable, underway: isNotified ? underway : nil)
            #expect(calls == (isNotified ? 1 : 0), "seed \(seed), revision \(next)")
            #expect(isDurable || !wasDurable)
            if !wasDurable { try journal.flush() }
            next += 1
            if Int.random(in: 0..<30, using: &random) == 0 || next == 200 {
                let found: [Delivered]
                (journal, found) = try openJournal(directory, checkpoint: checkpoint)
                #expect(found.isExactly(checkpoint + 1..<next), "seed \(seed), revision \(next)")
            }
        }
    }

    /// A frame that is too large for it goes another way.
    @Test func alsoOfALargeFrame() throws {
        let directory = try JournalDirectory()
        let (journal, _) = try openJournal(directory, segmentBytes: 4 << 20)
        for (index, bytes) in [100, 100, Limits.directBytes + 1, 100, 100].enumerated() {
            let header = FrameHeader(
                codec: 0, rawLength: bytes, firstRevision: Revision(index + 1), recordCount: 1, milliseconds: 1)
            var calls = 0
            let isDurable = try journal.append(
                header, payload: pattern(Revision(index + 1), bytes), durably: true, underway: { calls += 1 })
            if !isDurable { try journal.flush() }
            #expect(calls == 1)
        }
        #expect(try openJournal(directory, segmentBytes: 4 << 20).1.isExactly(1..<6))
    }

    /// Nothing that is done meanwhile can know of the flush.
    @Test func theFlushComesAfterIt() throws {
        let directory = try JournalDirectory()
        let steps = Lock<[String]>([])
        let note = { @Sendable (step: String) in steps.withLock { $0.append(step) } }
        let faults = JournalFaults(beforeWrite: { note("write") }, beforeFlush: { note("flush") })
        let (journal, _) = try openJournal(directory, faults: faults)
        for revision: Revision in 1...4 {
            steps.withLock { $0 = [] }
            let header = FrameHeader(
                codec: 0, rawLength: 100, firstRevision: revision, recordCount: 1, milliseconds: 1)
            let isDurable = try journal.append(
                header, payload: pattern(revision, 100), durably: true, underway: { note("underway") })
            if !isDurable { try journal.flush() }
            #expect(steps.withLock { $0.prefix(2) } == ["write", "underway"])
            // One that may not be written past the page cache after all is written, and flushed, by itself.
            #expect(steps.withLock { Set($0.dropFirst(2)) } == ["flush"])
        }
    }

    @Test func aFailedFlushIsFinal() throws {
        let directory = try JournalDirectory()
        let fails = Lock(false)
        let faults = JournalFaults(beforeFlush: { () throws(StoreError) in
            if fails.withLock({ $0 }) { throw StoreError(errno: 5, "flush") }
        })
        let (journal, _) = try openJournal(directory, faults: faults)
        let append = { (revision: Revision) in
            let header = FrameHeader(
                codec: 0, rawLength: 100, firstRevision: revision, recordCount: 1, milliseconds: 1)
            let isDurable = try journal.append(header, payload: pattern(revision, 100), durably: true, underway: {})
            if !isDurable { try journal.flush() }
        }
        for revision: Revision in 1...3 { try append(revision) }
        fails.withLock { $0 = true }
        #expect(storeError { try append(4) }?.code == .readOnly)
        fails.withLock { $0 = false }
        #expect(storeError { try append(4) }?.code == .readOnly)
        let delivered = try openJournal(directory).1
        #expect(delivered.isExactly(1..<4) || delivered.isExactly(1..<5))
    }
}
