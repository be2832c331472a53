import Changes
import Foundation
import Testing
import Threads

@testable import RevisionLog

/// What a disk that fails makes of the journal.
@Suite struct JournalFailureTests {
    private static let failure = StoreError(errno: 5, "write")

    @Test func aFailedWriteIsFinal() throws {
        let directory = try JournalDirectory()
        let isBroken = Lock(true)
        let faults = JournalFaults(beforeWrite: { () throws(StoreError) in
            if isBroken.withLock({ $0 }) { throw Self.failure }
        })
        let (journal, _) = try openJournal(directory, faults: faults)
        expectFinal(storeError { try journal.append(1, bytes: 100) })
        isBroken.withLock { $0 = false }
        expectFinal(storeError { try journal.append(1, bytes: 100) })
        expectFinal(storeError { try journal.flush() })
        #expect(journal.hasRoom(for: smallSegment * 10), "who waits for room must be told of the failure instead")
        #expect(try openJournal(directory).1.isEmpty)
    }

    @Test func aFailedFlushIsFinal() throws {
        let directory = try JournalDirectory()
        let isBroken = Lock(false)
        let faults = JournalFaults(beforeFlush: { () throws(StoreError) in
            if isBroken.withLock({ $0 }) { throw Self.failure }
        })
        let (journal, _) = try openJournal(directory, faults: faults)
        try journal.append(1, bytes: 100)
        try journal.flush()
        isBroken.withLock { $0 = true }
        try journal.append(2, bytes: 100)
        expectFinal(storeError { try journal.flush() })
        isBroken.withLock { $0 = false }
        expectFinal(storeError { try journal.flush() })
        expectFinal(storeError { try journal.append(3, bytes: 100) })
        let delivered = try openJournal(directory).1
        #expect(delivered.isExactly(1..<3) || delivered.isExactly(1..<2))
    }

    private func expectFinal(_ error: StoreError?) {
        #expect(error?.code == .readOnly)
        #expect(error?.message.contains("write: Input/output error") == true)
        #expect(error?.message.contains("opened again") == true)
    }

    /// No segment can be made, as on a full disk: the journal goes on as soon as one can.
    @Test func aSegmentThatCannotBeMadeIsNotFinal() throws {
        let directory = try JournalDirectory()
        let (journal, _) = try openJournal(directory)
        try journal.append(1, bytes: smallSegment - FrameHeader.length)
        // A directory of that name is in the way of the file.
        let obstacle = directory.file(1) + ".new"
        try inTheWay(obstacle) {
            #expect(storeError { try journal.append(2, bytes: 100) }?.code == .io)
            #expect(storeError { try journal.prepareSpare() }?.message.contains(obstacle) == true)
            #expect(journal.segmentCount == 1)
        }
        try journal.append(2, bytes: 100)
        #expect(try openJournal(directory).1.isExactly(1..<3))
    }

    /// A file that could not be made is closed once: closed twice, it might be another thread's by then.
    @Test func aSegmentThatCannotBeMadeIsClosedOnce() throws {
        let directory = try JournalDirectory()
        let isDone = Lock(false)
        let strangers = OSThread {
            while !isDone.withLock({ $0 }) {
                // Open for a while, so that a second close would hit it.
                let files = (0..<8).map { _ in open("/dev/null", O_RDONLY | O_CLOEXEC) }
                for file in files where close(file) != 0 { Issue.record("file \(file) was closed by someone else") }
            }
        }
        // A directory of that name is in the way when the file is renamed.
        try inTheWay(directory.file(0)) {
            for _ in 0..<500 {
                let error = storeError { _ = try SegmentFile(creating: "journal-000", in: directory.path, length: 0) }
                #expect(error?.code == .io)
            }
        }
        isDone.withLock { $0 = true }
        strangers.join()
    }
}
