import Changes
import Foundation
import Testing
import Threads

@testable import RevisionLog

@Suite struct JournalTests {
    @Test func whatWasAppendedIsDelivered() throws {
        let directory = try JournalDirectory()
        do {
            let (journal, delivered) = try openJournal(directory)
            #expect(delivered.isEmpty)
            for (index, bytes) in [0, 1, 100, 5000].enumerated() {
                try journal.append(Revision(index * 3 + 1), bytes: bytes, records: 3)
            }
            try journal.flush()
        }
        for checkpoint: Revision in [0, 3, 6, 9, 12] {
            let (_, delivered) = try openJournal(directory, checkpoint: checkpoint)
            #expect(delivered.isExactly(checkpoint + 1..<13), "checkpoint \(checkpoint)")
        }
    }

    @Test func everyOpeningGoesOnWithAHigherEpoch() throws {
        let directory = try JournalDirectory()
        for round in 0..<5 {
            let (journal, delivered) = try openJournal(directory)
            #expect(delivered.isExactly(1..<Revision(round + 1)))
            #expect(zip(delivered, delivered.dropFirst()).allSatisfy { $0.epoch < $1.epoch })
            try journal.append(Revision(round + 1), bytes: 100)
            #expect(journal.segmentCount == 1)
        }
    }

    @Test func segmentsAreUsedAgainAfterTheCheckpoint() throws {
        let directory = try JournalDirectory()
        var (journal, _) = try openJournal(directory)
        var checkpoint: Revision = 0
        var next: Revision = 1
        for round in 0..<40 {
            next = try journal.fill(from: next, bytes: 3000)
            #expect(journal.segmentCount == 3)
            #expect(storeError { try journal.append(next, bytes: 3000) }?.code == .full)
            try journal.flush()
            // Now and then the journal is opened anew where it has run full.
            if round % 3 == 0 {
                let delivered: [Delivered]
                (journal, delivered) = try openJournal(directory, checkpoint: checkpoint)
                #expect(delivered.isExactly(checkpoint + 1..<next), "round \(round)")
                #expect(!journal.hasRoom(for: 3000))
            }
            // Not all of it, so that the next lap overtakes a segment that is still needed.
            checkpoint = next - 26
            journal.release(through: checkpoint)
            #expect(journal.hasRoom(for: 3000))
        }
        #expect(next > 800)
        #expect(try openJournal(directory, checkpoint: checkpoint).1.isExactly(checkpoint + 1..<next))
    }

    /// The last segment that there may be is as long as may be, and a frame that fits in no other gets such a one earlier.
    @Test func segmentsGrowWithWhatIsWritten() throws {
        for (count, lengths) in [(2, [1, 16]), (3, [1, 8, 16]), (5, [1, 8, 16, 16, 16])] {
            let directory = try JournalDirectory()
            let open = {
                try openJournal(directory, checkpoint: $0, firstBytes: smallSegment / 16, maximumSegments: count)
            }
            var (journal, _) = try open(0)
            var (checkpoint, next) = (Revision(0), Revision(1))
            for _ in 0..<4 {
                next = try journal.fill(from: next, bytes: 500)
                try journal.flush()
                #expect(journal.segmentBytes == lengths.map { $0 * smallSegment / 16 })
                let delivered: [Delivered]
                (journal, delivered) = try open(checkpoint)
                #expect(delivered.isExactly(checkpoint + 1..<next))
                checkpoint = next - 10
                journal.release(through: checkpoint)
            }
        }
        let directory = try JournalDirectory()
        let (journal, _) = try openJournal(directory, firstBytes: smallSegment / 16)
        try journal.append(1, bytes: smallSegment / 2)
        #expect(journal.segmentBytes == [smallSegment / 16, smallSegment])
        #expect(try openJournal(directory).1.isExactly(1..<2))
    }

    @Test func noLengthOfAFileIsTooMuch() {
        let lengths = SegmentLengths(first: 4096, longest: 1 << 20, maximumCount: 5)
        #expect(lengths.next([]) == 32768)
        #expect(lengths.next([4096, 100_000]) == 800_000)
        #expect(lengths.next([.max]) == 1 << 20)
        #expect(SegmentLengths(first: 4096, longest: .max, maximumCount: 5).next([.max - 1]) == .max)
    }

    /// A frame that fits in no segment has one of its own, which is replaced when its turn comes again.
    @Test(arguments: [2, 3]) func aFrameLongerThanAnySegment(maximumSegments: Int) throws {
        let directory = try JournalDirectory()
        var (journal, _) = try openJournal(directory, maximumSegments: maximumSegments)
        let long = 3 * smallSegment + 100
        try journal.append(1, bytes: smallSegment - 2 * FrameHeader.length)
        try journal.append(2, bytes: long)
        #expect(journal.segmentBytes == [smallSegment, 3 * smallSegment + 4096])
        if maximumSegments == 2 {
            #expect(storeError { try journal.append(3, bytes: long) }?.code == .full)
            journal.release(through: 1)
        }
        // More than what the long one's segment has left, up to a whole block.
        try journal.append(3, bytes: 5000)
        let delivered: [Delivered]
        (journal, delivered) = try openJournal(
            directory, checkpoint: maximumSegments == 2 ? 1 : 0, maximumSegments: maximumSegments)
        #expect(delivered.suffix(2).isExactly(2..<4))
        #expect(delivered.contains { $0.payload == pattern(2, long) })
        // Another one finds the first one's place, and what comes then makes a segment of it again.
        journal.release(through: 3)
        try journal.append(4, bytes: long - 4096)
        #expect(journal.segmentBytes.filter { $0 > smallSegment } == [3 * smallSegment + 4096])
        journal.release(through: 4)
        var next: Revision = 5
        while journal.segmentBytes.contains(where: { $0 > smallSegment }), next < 1000 {
            try journal.append(next, bytes: 500)
            journal.release(through: next)
            next += 1
        }
        #expect(journal.segmentBytes.allSatisfy { $0 == smallSegment })
        let last = next - 1
        #expect(try openJournal(directory, checkpoint: last - 3).1.isExactly(last - 2..<next))
    }

    /// The longest free segment comes first, or a fast writer would turn often.
    @Test func theLongestSegmentIsUsedAgainFirst() throws {
        let directory = try JournalDirectory()
        let (journal, _) = try openJournal(directory, firstBytes: smallSegment / 16)
        let next = try journal.fill(from: 1, bytes: 500)
        #expect(journal.segmentBytes == [1, 8, 16].map { $0 * smallSegment / 16 })
        // The first two are free now; the second has room for more than the first.
        journal.release(through: next - 1)
        for revision in next..<next + 10 { try journal.append(revision, bytes: 500) }
        try journal.flush()
        #expect(try directory.read(0)[24] == 1, "the first still begins with revision 1")
        #expect(try openJournal(directory, checkpoint: next - 1).1.isExactly(next..<next + 10))
    }

    @Test func framesFillASegmentToTheLastByte() throws {
        let directory = try JournalDirectory()
        let (journal, _) = try openJournal(directory)
        try journal.append(1, bytes: smallSegment - FrameHeader.length)
        try journal.append(2, bytes: smallSegment / 2 - FrameHeader.length)
        try journal.append(3, bytes: smallSegment / 2 - FrameHeader.length)
        try journal.append(4, bytes: 0)
        #expect(journal.segmentCount == 3)
        let delivered = try openJournal(directory).1
        #expect(delivered.isExactly(1..<5))
        // Each use of a segment has its own epoch: the first frame fills one, the next two another.
        let epochs = delivered.map(\.epoch)
        #expect(epochs[0] < epochs[1] && epochs[1] == epochs[2] && epochs[2] < epochs[3])
    }

    /// A store that is opened with larger segments than it was made with.
    @Test func segmentsThatAreTooShortAreReplaced() throws {
        let directory = try JournalDirectory()
        var next: Revision = 1
        do {
            let (journal, _) = try openJournal(directory)
            next = try journal.fill(from: next, bytes: 3000)
            #expect(journal.segmentCount == 3)
        }
        let (journal, delivered) = try openJournal(directory, segmentBytes: 4 * smallSegment)
        #expect(delivered.isExactly(1..<next))
        let large = 2 * smallSegment
        #expect(!journal.hasRoom(for: large))
        journal.release(through: next - 1)
        for _ in 0..<4 {
            #expect(journal.hasRoom(for: large))
            try journal.append(next, bytes: large)
            try journal.flush()
            let found = try openJournal(directory, checkpoint: next - 1, segmentBytes: 4 * smallSegment).1
            #expect(found.isExactly(next..<next + 1))
            journal.release(through: next)
            next += 1
        }
        #expect(journal.segmentCount == 3)
    }

    @Test func aSpareIsMadeAhead() throws {
        let directory = try JournalDirectory()
        let (journal, _) = try openJournal(directory)
        try journal.prepareSpare()
        #expect(journal.segmentCount == 1, "nothing is written yet")
        try journal.append(1, bytes: smallSegment / 4)
        try journal.prepareSpare()
        #expect(journal.segmentCount == 2)
        try journal.prepareSpare()
        #expect(journal.segmentCount == 2, "one is free already")
    }

    @Test(.timeLimit(.minutes(1))) func aThreadMakesSparesAsTheyAreWanted() throws {
        let directory = try JournalDirectory()
        let (journal, _) = try openJournal(directory)
        let thread = OSThread { journal.keepSpare() }
        // So little that the committer needs none.
        try journal.append(1, bytes: smallSegment / 4)
        while journal.segmentCount < 2 { sched_yield() }
        try journal.append(2, bytes: smallSegment / 2)
        try journal.append(3, bytes: smallSegment / 2)
        while journal.segmentCount < 3 { sched_yield() }
        journal.endSpares()
        thread.join()
    }

    @Test(.timeLimit(.minutes(1))) func aSpareThatCannotBeMadeIsLeftToTheCommitter() throws {
        let directory = try JournalDirectory()
        let (journal, _) = try openJournal(directory)
        try inTheWay(directory.file(1) + ".new") {
            let thread = OSThread { journal.keepSpare() }
            for revision: Revision in 1...3 { try journal.append(revision, bytes: smallSegment / 4) }
            let error = storeError { try journal.append(4, bytes: smallSegment / 4) }
            #expect(error?.message.contains("journal-001.new") == true)
            journal.endSpares()
            thread.join()
        }
        try journal.append(4, bytes: smallSegment / 4)
        #expect(journal.segmentCount == 2)
    }

    /// As a crash leaves it while a segment is made.
    @Test(arguments: [0, 1, 4096, smallSegment])
    func anUnfinishedSegmentIsForgotten(length: Int) throws {
        let directory = try JournalDirectory()
        do {
            let (journal, _) = try openJournal(directory)
            try journal.append(1, bytes: 100)
        }
        let unfinished = try SegmentFile(creating: "spare", in: directory.path, length: length)
        try unfinished.write([UInt8](repeating: 0xEE, count: length), at: 0)
        #expect(rename("\(directory.path)/spare", "\(directory.file(1)).new") == 0)
        let (journal, delivered) = try openJournal(directory)
        #expect(delivered.isExactly(1..<2))
        #expect(journal.segmentCount == 1)
        let next = try journal.fill(from: 2, bytes: 3000)
        #expect(try openJournal(directory).1.isExactly(1..<next))
    }
}
