import Changes
import Testing

@testable import RevisionLog

/// What a crash or a loss of power makes of frames that were written but not acknowledged.
@Suite struct JournalTornTests {
    @Test func tornAtEveryByteOfTheLastFrame() throws {
        let directory = try JournalDirectory()
        let (bytes, offsets) = try fourFrames(directory)
        for cut in offsets[3]..<offsets[4] {
            var torn = bytes
            for index in cut..<offsets[4] { torn[index] = 0 }
            try directory.write(torn)
            let (journal, delivered) = try openJournal(directory)
            // Zeros at the end of the frame may be what was to be there.
            let next: Revision = torn == bytes ? 5 : 4
            #expect(delivered.isExactly(1..<next), "cut at \(cut - offsets[3])")
            // What is written next takes the torn frame's place, and only that is found.
            try journal.append(next, bytes: 41)
            #expect(try openJournal(directory).1.isExactly(1..<next + 1), "cut at \(cut - offsets[3])")
        }
    }

    @Test func tornAtEveryByteFromTheFront() throws {
        let directory = try JournalDirectory()
        let (bytes, offsets) = try fourFrames(directory)
        // A disk may write the end of a frame and lose its begin.
        for cut in offsets[3] + 1...offsets[4] {
            var torn = bytes
            for index in offsets[3]..<cut { torn[index] = 0xEE }
            try directory.write(torn)
            #expect(try openJournal(directory).1.isExactly(1..<4))
        }
    }

    /// Frames after a broken one that nothing says were flushed: they never come back, also when new frames of the same
    /// length are written up to where they begin.
    @Test(arguments: 1...5)
    func whatFollowsATornFrameIsNeverFoundAgain(rewritten: Int) throws {
        let directory = try JournalDirectory()
        do {
            let (journal, _) = try openJournal(directory)
            try journal.append(1, bytes: 41)
            try journal.flush()
            // Nothing vouches for revision 1 here either: all that follows is written before the next flush.
            for revision: Revision in 2...6 { try journal.append(revision, bytes: 41) }
        }
        var bytes = try directory.read()
        let offsets = boundaries(bytes)
        bytes[offsets[1] + 70] ^= 1
        try directory.write(bytes)
        let (journal, delivered) = try openJournal(directory)
        #expect(delivered.isExactly(1..<2))
        for index in 0..<rewritten { try journal.append(Revision(2 + index), bytes: 41) }
        for _ in 0..<2 {
            let again = try openJournal(directory).1
            #expect(again.isExactly(1..<Revision(2 + rewritten)))
            #expect(again.dropFirst().allSatisfy { $0.epoch > again[0].epoch })
        }
    }

    /// The same over two segments: the torn frame is the last of one, the next ones are whole, at the begin of another.
    @Test func whatFollowsATornFrameInTheNextSegmentIsNeverFoundAgain() throws {
        let directory = try JournalDirectory()
        do {
            let (journal, _) = try openJournal(directory)
            for revision: Revision in 1...24 { try journal.append(revision, bytes: 3000) }
            #expect(journal.segmentCount == 2)
        }
        var bytes = try directory.read()
        let offsets = boundaries(bytes)
        let torn = Revision(offsets.count - 1)
        bytes[offsets[offsets.count - 2] + 70] ^= 1
        try directory.write(bytes)
        var (journal, delivered) = try openJournal(directory)
        #expect(delivered.isExactly(1..<torn))
        // The whole frames were taken away: a reader that comes to that revision does not find the old frame.
        var reader = try JournalReader(directory: directory.path, storeTag: 7)
        #expect(try reader.next(torn + 1) == nil)
        try journal.append(torn, bytes: 3000)
        (journal, delivered) = try openJournal(directory)
        #expect(delivered.isExactly(1..<torn + 1))
        for revision in torn + 1..<torn + 11 { try journal.append(revision, bytes: 3000) }
        #expect(try openJournal(directory).1.isExactly(1..<torn + 11))
    }

    /// A value can be anything, a part of another store's journal too. When the frame around it is torn, what was inside
    /// must not be taken for the journal's own.
    @Test(arguments: [7, 8] as [UInt32])
    func aFrameInsideATornFrameIsNotBelieved(storeTag: UInt32) throws {
        var inner = FrameHeader(codec: 0, rawLength: 3, firstRevision: 2, recordCount: 1, milliseconds: 0)
        inner.epoch = 1
        inner.storeTag = storeTag
        var nested: [UInt8] = []
        inner.write([1, 2, 3], into: &nested)
        let directory = try JournalDirectory()
        do {
            let (journal, _) = try openJournal(directory)
            try journal.append(1, bytes: 41)
            try journal.flush()
            let outer = FrameHeader(
                codec: 0, rawLength: nested.count, firstRevision: 2, recordCount: 1, milliseconds: 0)
            try journal.append(outer, payload: nested)
        }
        var bytes = try directory.read()
        bytes[boundaries(bytes)[1] + 20] ^= 1
        try directory.write(bytes)
        let (journal, delivered) = try openJournal(directory)
        #expect(delivered.isExactly(1..<2))
        try journal.append(2, bytes: 0)
        #expect(try openJournal(directory).1.isExactly(1..<3))
    }
}

/// Where the frames of a segment begin, and where the last one ends.
func boundaries(_ bytes: [UInt8]) -> [Int] {
    bytes.withUnsafeBytes { bytes in
        var offsets = [0]
        while let (_, payload) = FrameHeader.read(.init(rebasing: bytes[offsets.last!...])) {
            offsets.append(offsets.last! + FrameHeader.frameLength(payload.count))
        }
        return offsets
    }
}

/// Makes three frames, each flushed, and a fourth that is not.
func fourFrames(_ directory: JournalDirectory) throws -> (bytes: [UInt8], offsets: [Int]) {
    let (journal, _) = try openJournal(directory)
    for revision: Revision in 1...3 {
        try journal.append(revision, bytes: 41)
        try journal.flush()
    }
    try journal.append(4, bytes: 41)
    let bytes = try directory.read()
    return (bytes, boundaries(bytes))
}
