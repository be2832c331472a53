import Changes
import TestSupport
import Testing

@testable import RevisionLog

@Suite struct JournalFrameTests {
    func frame(_ payload: [UInt8]) -> (FrameHeader, [UInt8]) {
        var header = FrameHeader(
            codec: 1, rawLength: 1000, firstRevision: 42, recordCount: 5, milliseconds: 1_700_000_000_123)
        header.epoch = 9
        header.storeTag = 7
        header.flushedThrough = 41
        var bytes: [UInt8] = [0xAA]
        header.write(payload, into: &bytes)
        return (header, bytes)
    }

    func read(_ bytes: [UInt8]) -> (FrameHeader, [UInt8])? {
        bytes.withUnsafeBytes { all in
            FrameHeader.read(all).map { ($0.header, Array(all[$0.payload])) }
        }
    }

    @Test(arguments: [0, 1, 7, 8, 9, 1000])
    func roundTrip(count: Int) throws {
        let payload = pattern(1, count)
        let (header, bytes) = frame(payload)
        #expect(bytes.count % 8 == 0 && bytes.count == FrameHeader.frameLength(count))
        // What follows the frame does not matter.
        let found = try #require(read(bytes + [1, 2, 3]))
        #expect(found.0 == header)
        #expect(found.1 == payload)
        #expect(header.lastRevision == 46)
    }

    @Test func theLayoutIsFixed() {
        let (_, bytes) = frame([1, 2, 3])
        #expect(Array(bytes[0..<8]) == Array("VJF1".utf8) + [1, 1, 0, 0])
        #expect(Array(bytes[8..<24]) == [9, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0xE8, 3, 0, 0])
        #expect(Array(bytes[24..<40]) == [42, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 7, 0, 0, 0])
        #expect(Array(bytes[40..<60]) == [41, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x68, 0xE5, 0xCF, 0x8B, 1, 0, 0, 0, 0, 0, 0])
        #expect(Array(bytes[64...]) == [1, 2, 3, 0, 0, 0, 0, 0])
    }

    @Test func everyFlippedBitIsSeen() {
        let payload = pattern(1, 13)
        let (header, bytes) = frame(payload)
        for index in bytes.indices {
            for bit in 0..<8 {
                var flipped = bytes
                flipped[index] ^= 1 << UInt8(bit)
                let found = read(flipped)
                // The zeros behind the payload mean nothing.
                if index >= FrameHeader.length + payload.count {
                    #expect(found?.0 == header && found?.1 == payload)
                } else {
                    #expect(found == nil, "byte \(index), bit \(bit)")
                }
            }
        }
    }

    @Test func everyTruncationIsSeen() {
        let (_, bytes) = frame(pattern(1, 16))
        for count in 0..<bytes.count { #expect(read(Array(bytes[..<count])) == nil, "\(count) bytes") }
    }

    @Test func noRevisionBeyondTheLastNumber() {
        var header = FrameHeader(codec: 0, rawLength: 0, firstRevision: .max, recordCount: 2, milliseconds: 0)
        var bytes: [UInt8] = []
        header.write([], into: &bytes)
        #expect(read(bytes) == nil)
        header.firstRevision = .max - 2
        header.write([], into: &bytes)
        #expect(read(bytes)?.0.lastRevision == Revision.max - 1)
        header.firstRevision = 0
        header.write([], into: &bytes)
        #expect(read(bytes) == nil)
    }

    @Test func aMagicIsFoundAtMultiplesOfEightOnly() {
        let (_, bytes) = frame([])
        let filler = [UInt8](repeating: 0, count: 24)
        (filler + bytes).withUnsafeBytes { all in
            #expect(FrameHeader.nextMagic(all, from: 0) == 24)
            #expect(FrameHeader.nextMagic(all, from: 24) == 24)
            #expect(FrameHeader.nextMagic(all, from: 32) == nil)
        }
        ([0] + bytes + filler).withUnsafeBytes { all in #expect(FrameHeader.nextMagic(all, from: 0) == nil) }
    }

    /// A header as another process may find it half written: what it claims is only a length, of that revision.
    @Test func aClaimedLengthIsOfTheRevisionAskedFor() {
        let (_, bytes) = frame(pattern(1, 13))
        bytes.withUnsafeBytes { all in
            #expect(FrameHeader.claimedLength(all, firstRevision: 42) == bytes.count)
            #expect(FrameHeader.claimedLength(all, firstRevision: 43) == nil)
            #expect(FrameHeader.claimedLength(.init(rebasing: all[..<63]), firstRevision: 42) == nil)
        }
    }
}
