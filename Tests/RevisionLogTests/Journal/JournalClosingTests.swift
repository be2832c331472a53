import Changes
import Foundation
import TestSupport
import Testing

@testable import RevisionLog

/// A journal that was closed in good order is not read when it is opened. What comes after it is found all the same.
@Suite(.timeLimit(.minutes(2))) struct JournalClosingTests {
    @Test func whatIsClosedIsNotRead() throws {
        let directory = try JournalDirectory()
        let (journal, _) = try openJournal(directory, checkpoint: 0, closedEpoch: 0)
        for revision in 1...20 as ClosedRange<Revision> { try journal.append(revision, bytes: 100) }
        let epoch = try #require(journal.closingEpoch)
        // Nobody would take it for whole.
        var bytes = try directory.read()
        bytes[500] ^= 1
        try directory.write(bytes)
        #expect(try openJournal(directory, checkpoint: 20, closedEpoch: epoch).1.isEmpty)
        #expect(storeError { _ = try openJournal(directory, checkpoint: 10, closedEpoch: 0) } == nil)
    }

    @Test func aFirstFrameThatIsBrokenOrForeignIsLookedInto() throws {
        let directory = try JournalDirectory()
        let (journal, _) = try openJournal(directory, checkpoint: 0, closedEpoch: 0)
        for revision in 1...20 as ClosedRange<Revision> { try journal.append(revision, bytes: 100) }
        let epoch = try #require(journal.closingEpoch)
        let whole = try directory.read()
        for offset in [0, 8, 16, 36, 60, 100] {
            var bytes = whole
            bytes[offset] ^= 1
            try directory.write(bytes)
            let (again, delivered) = try openJournal(directory, checkpoint: 20, closedEpoch: epoch)
            #expect(delivered.isEmpty)
            // It knows the newest frames, so it has read them.
            #expect(again.closingEpoch == epoch)
        }
    }

    /// Of a journal that was lost after the closing nothing is left to say how far its epochs had come.
    @Test func aNewJournalIsNotTakenForTheClosedOne() throws {
        let directory = try JournalDirectory()
        var epoch: UInt64 = 0
        for checkpoint in 0...5 as ClosedRange<Revision> {
            let (journal, _) = try openJournal(directory, checkpoint: checkpoint, closedEpoch: epoch)
            try journal.append(checkpoint + 1, bytes: 100)
            epoch = try #require(journal.closingEpoch)
        }
        try FileManager.default.removeItem(atPath: directory.file(0))
        let (journal, _) = try openJournal(directory, checkpoint: 6, closedEpoch: epoch)
        for revision in 7...9 as ClosedRange<Revision> { try journal.append(revision, bytes: 100) }
        // Killed, and not closed.
        let (_, delivered) = try openJournal(directory, checkpoint: 6, closedEpoch: epoch)
        #expect(delivered.isExactly(7..<10))
    }

    /// A frame for which the first segment is too short begins another.
    @Test func aLongFirstFrameIsFoundWithShorterSegments() throws {
        let directory = try JournalDirectory()
        let (journal, _) = try openJournal(directory, checkpoint: 0, closedEpoch: 0)
        try journal.append(1, bytes: 100)
        let epoch = try #require(journal.closingEpoch)
        let (longer, _) = try openJournal(directory, checkpoint: 1, closedEpoch: epoch, segmentBytes: 4 * smallSegment)
        try longer.append(2, bytes: 2 * smallSegment)
        // Killed, and not closed.
        let (_, delivered) = try openJournal(directory, checkpoint: 1, closedEpoch: epoch)
        #expect(delivered.isExactly(2..<3))
    }

    @Test func aClosingLeavesTheBeginOfTheFirstSegment() throws {
        let directory = try JournalDirectory()
        // Made when first segments were longer.
        var (journal, _) = try openJournal(directory)
        var next = try journal.fill(from: 1, bytes: 3000)
        let whole = try directory.read(0)
        journal.release(through: next - 1)
        var epoch = try #require(journal.closingEpoch)
        (journal, _) = try openJournal(directory, checkpoint: next - 1, closedEpoch: epoch, firstBytes: 8192)
        #expect(journal.segmentBytes == [smallSegment, smallSegment, smallSegment])
        try journal.trim()
        #expect(storeError { try journal.append(next, bytes: 10) }?.code == .closed)
        #expect(try directory.openSegments().map(\.length) == [8192])
        #expect(try directory.read(0) == Array(whole[..<8192]))
        // And again, with segments of that time and of ours.
        for firstBytes in [8192, smallSegment, 4096] {
            (journal, _) = try openJournal(directory, checkpoint: next - 1, closedEpoch: epoch, firstBytes: firstBytes)
            try journal.append(next, bytes: 7000)
            try journal.flush()
            // Killed, and not closed.
            (journal, _) = try openJournal(directory, checkpoint: next - 1, closedEpoch: epoch, firstBytes: firstBytes)
            try journal.append(next + 1, bytes: 3000)
            let delivered = try openJournal(directory, checkpoint: next - 1, closedEpoch: epoch).1
            #expect(delivered.isExactly(next..<next + 2))
            next += 2
            epoch = try #require(journal.closingEpoch)
            try journal.trim()
            #expect(try directory.openSegments().map(\.length) == [min(firstBytes, 8192)])
        }
    }

    /// A segment that stands in the way of being removed stays, and is used again.
    @Test func aSegmentThatCannotBeRemovedStays() throws {
        let directory = try JournalDirectory()
        var (journal, _) = try openJournal(directory)
        let next = try journal.fill(from: 1, bytes: 3000)
        let epoch = try #require(journal.closingEpoch)
        let path = directory.file(1)
        let bytes = try directory.read(1)
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        #expect(storeError { try journal.trim() }?.code == .io)
        try FileManager.default.removeItem(atPath: path)
        try directory.write(bytes, 1)
        #expect(try directory.openSegments().count == 2)
        (journal, _) = try openJournal(directory, checkpoint: next - 1, closedEpoch: epoch)
        try journal.append(next, bytes: 100)
        #expect(try openJournal(directory, checkpoint: next - 1, closedEpoch: epoch).1.isExactly(next..<next + 1))
    }

    /// Sessions that end well or by a loss of power, which takes any part of what was not flushed: what is delivered
    /// is everything that was flushed, and more only as far as it is whole. Segments that a closing removed may come back.
    @Test(arguments: 0..<15, [smallSegment, 4096]) func sessions(_ number: Int, firstBytes: Int) throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed)
        let directory = try JournalDirectory()
        var (checkpoint, closedEpoch, head) = (Revision(0), UInt64(0), Revision(0))
        var survivors: Revision = 0
        for session in 0..<40 {
            let place = "seed \(seed), run \(number) of \(firstBytes) bytes, session \(session)"
            let (journal, delivered) = try openJournal(
                directory, checkpoint: checkpoint, closedEpoch: closedEpoch, firstBytes: firstBytes)
            #expect(delivered.isExactly(checkpoint + 1..<(delivered.last?.last ?? checkpoint) + 1), "\(place)")
            let found = delivered.last?.last ?? checkpoint
            #expect(found >= survivors && found <= head, "\(place): \(found) of \(survivors) to \(head)")
            (head, survivors) = (found, found)
            var disk = SimulatedDisk(try segments(directory))
            for _ in 0..<random.below(30) {
                let size = random.below(random.chance(8) ? 8000 : 300)
                guard journal.hasRoom(for: size) else { break }
                try journal.append(head + 1, bytes: size)
                head += 1
                disk.wrote(try segments(directory))
                // The first is flushed by itself.
                if survivors < found + 1 || random.chance(4) {
                    if survivors >= found + 1 { try journal.flush() }
                    disk.flushed()
                    survivors = head
                }
                if random.chance(10) {
                    checkpoint = head
                    journal.release(through: head)
                    survivors = max(survivors, head)
                }
            }
            if random.chance(2) {
                closedEpoch = journal.closingEpoch ?? closedEpoch
                checkpoint = head
                survivors = head
                if random.chance(4) { continue }
                try journal.trim()
                if random.chance(2) { continue }
            }
            for (segment, bytes) in disk.afterLoss(&random).enumerated() where !random.chance(3) || survivors < head {
                try directory.write(bytes, segment)
            }
        }
    }

    private func segments(_ directory: JournalDirectory) throws -> [[UInt8]] {
        try (0..<directory.openSegments().count).map { try directory.read($0) }
    }
}

/// What a disk holds for sure, and what was written to it since its last flush.
private struct SimulatedDisk {
    private var durable: [[UInt8]]
    private var now: [[UInt8]]

    init(_ segments: [[UInt8]]) {
        (durable, now) = (segments, segments)
    }

    mutating func wrote(_ segments: [[UInt8]]) {
        // A new segment is flushed before it has its name.
        for (index, bytes) in segments.enumerated() where index >= durable.count || durable[index].count != bytes.count
        {
            durable[index...] = [[UInt8](repeating: 0, count: bytes.count)] + durable.dropFirst(index + 1)
        }
        now = segments
    }

    mutating func flushed() { durable = now }

    /// Each sector that differs is the old one or the new one.
    func afterLoss(_ random: inout SeededGenerator) -> [[UInt8]] {
        let share = random.below(4)
        return zip(durable, now).map { old, new in
            var bytes = old
            for start in stride(from: 0, to: old.count, by: 512) {
                let sector = start..<start + 512
                if old[sector] != new[sector], random.below(3) < share {
                    bytes.replaceSubrange(sector, with: new[sector])
                }
            }
            return bytes
        }
    }
}
