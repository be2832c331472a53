import Changes
import TestSupport
import Testing

@testable import RevisionLog

/// What a bad disk makes of frames that were flushed.
@Suite struct JournalDamageTests {
    @Test func everyFlippedByteOfAFlushedFrameIsDamage() throws {
        let directory = try JournalDirectory()
        let (bytes, offsets) = try fourFrames(directory)
        #expect(offsets.count == 5)
        for index in 0..<offsets[3] {
            var flipped = bytes
            flipped[index] ^= 0xFF
            try directory.write(flipped)
            let broken = offsets.lastIndex { $0 <= index }!
            if index - offsets[broken] >= FrameHeader.length + 41 {
                #expect(try openJournal(directory).1.isExactly(1..<5), "zeros behind the payload mean nothing")
                continue
            }
            let error = storeError { _ = try openJournal(directory) }
            #expect(error?.code == .damaged, "byte \(index)")
            #expect(error?.requested == Revision(broken + 1))
            let message = error?.message ?? ""
            #expect(
                message.hasPrefix(
                    "journal-000 at byte \(offsets[broken]): revision \(broken + 1) is missing or broken, "
                        + "though the journal was flushed through 3"), "byte \(index): \(message)")
            #expect(try directory.read() == flipped, "nothing may be changed")
        }
    }

    @Test func damageBeforeTheCheckpointDoesNotMatter() throws {
        for index in [0, 30, 70] {
            let directory = try JournalDirectory()
            var (bytes, _) = try fourFrames(directory)
            bytes[index] ^= 0xFF
            try directory.write(bytes)
            let (journal, delivered) = try openJournal(directory, checkpoint: 4)
            #expect(delivered.isEmpty)
            try journal.append(5, bytes: 1)
            #expect(try openJournal(directory, checkpoint: 4).1.isExactly(5..<6))
        }
    }

    @Test(arguments: 0..<2)
    func aLostSegmentIsDamage(number: Int) throws {
        let directory = try JournalDirectory()
        do {
            let (journal, _) = try openJournal(directory)
            var next: Revision = 1
            while journal.segmentCount < 3 {
                try journal.append(next, bytes: 3000)
                try journal.flush()
                next += 1
            }
        }
        let bytes = try directory.read(number)
        for lost in [[UInt8](repeating: 0, count: smallSegment), Array(bytes.prefix(5000)), []] {
            try directory.write(lost, number)
            #expect(storeError { _ = try openJournal(directory) }?.code == .damaged)
        }
        try directory.write(bytes, number)
        #expect(try openJournal(directory).1.count > 40)
    }

    @Test func aCheckpointInsideAFrameIsDamage() throws {
        let directory = try JournalDirectory()
        do {
            let (journal, _) = try openJournal(directory)
            try journal.append(1, bytes: 10, records: 3)
        }
        let error = storeError { _ = try openJournal(directory, checkpoint: 2) }
        #expect(error?.code == .damaged)
        #expect(error?.message.contains("revisions 1 to 3") == true)
        #expect(try openJournal(directory).1.isExactly(1..<4), "nothing may be changed")
        #expect(try openJournal(directory, checkpoint: 20).1.isEmpty)
    }

    @Test func theFilesOfAnotherStoreAreRecognised() throws {
        let directory = try JournalDirectory()
        let (bytes, _) = try fourFrames(directory)
        let error = storeError { _ = try openJournal(directory, storeTag: 8) }
        #expect(error?.code == .damaged)
        #expect(error?.message.contains("another store") == true)
        #expect(try directory.read() == bytes, "nothing may be changed")
    }

    /// Whatever is overwritten, the journal delivers a beginning of what was written, or says that it is damaged.
    @Test func randomDamageNeverInventsAnything() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed)
        let directory = try JournalDirectory()
        var checkpoint: Revision = 0
        var next: Revision = 1
        do {
            let (journal, _) = try openJournal(directory)
            for _ in 0..<4 {
                while journal.hasRoom(for: 2000) {
                    try journal.append(next, bytes: random.below(2000))
                    next += 1
                    // At random there may be no flush that anything after the checkpoint vouches for.
                    if next % 4 == 0 { try journal.flush() }
                }
                checkpoint = next - 21
                journal.release(through: checkpoint)
            }
        }
        let segments = try (0..<3).map { try directory.read($0) }
        var refused = 0
        for round in 0..<60 {
            for number in 0..<3 { try directory.write(segments[number], number) }
            for _ in 0...random.below(4) {
                let number = random.below(3)
                var bytes = try directory.read(number)
                let start = random.below(bytes.count)
                for index in start..<min(bytes.count, start + 1 + random.below(5000)) {
                    bytes[index] = round % 2 == 0 ? 0 : bytes[index] ^ UInt8.random(in: 0...255, using: &random)
                }
                try directory.write(bytes, number)
            }
            do {
                let (_, delivered) = try openJournal(directory, checkpoint: checkpoint)
                let end = (delivered.last?.last ?? checkpoint) + 1
                #expect(delivered.isExactly(checkpoint + 1..<end) && end <= next, "round \(round), seed \(seed)")
            } catch let error as StoreError {
                refused += 1
                #expect(error.code == .damaged, "round \(round), seed \(seed)")
            }
        }
        #expect(refused > 0 && refused < 60, "\(refused) refused, seed \(seed)")
    }
}
