import Changes
import TestSupport
import Testing

@testable import RevisionLog

@Suite struct CursorEntryTests {
    private func read(_ bytes: [UInt8], _ name: String) throws -> CursorEntry {
        try bytes.withUnsafeBytes { bytes in
            try Array(name.utf8).withUnsafeBytes { try CursorEntry(bytes, name: $0) }
        }
    }

    private func random(_ random: inout SeededGenerator) -> CursorEntry {
        func bound() -> Int64? { random.chance(2) ? random.number(1 ... .max) : nil }
        var hold: CursorHold?
        if random.chance(2) {
            hold = CursorHold(
                revisions: bound(), age: bound().map { .milliseconds($0) }, bytes: bound().map { Int($0) })
            if hold == CursorHold() { hold?.bytes = 1 }
            if random.chance(2) { hold?.then = .fail }
        }
        var entry = CursorEntry(
            acknowledged: random.number(0 ... .max), generation: random.next(),
            movedMilliseconds: Int64(bitPattern: random.next()), hold: hold)
        entry.isFailed = random.chance(2)
        return entry
    }

    @Test func whatIsWrittenIsRead() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed)
        for _ in 0..<500 {
            let entry = random(&generator)
            #expect(try read(entry.encoded(name: Array("a name".utf8)), "a name") == entry, "seed \(seed)")
        }
    }

    @Test func theBytesAreFixed() {
        var entry = CursorEntry(
            acknowledged: 0x0102, generation: 3, movedMilliseconds: -1,
            hold: CursorHold(revisions: 4, age: .seconds(5), bytes: 6, then: .fail))
        entry.isFailed = true
        func number(_ low: UInt8, _ next: UInt8 = 0) -> [UInt8] { [low, next, 0, 0, 0, 0, 0, 0] }
        let expected =
            [1, 3, 0, 0] + number(2, 1) + number(3) + Array(repeating: 255, count: 8) + number(4)
            + number(0x88, 0x13) + number(6)
        #expect(Array(entry.encoded(name: [])[4...]) == expected)
    }

    @Test func everyFlippedBitAndTruncationIsSeen() {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed)
        for _ in 0..<20 {
            let bytes = random(&generator).encoded(name: Array("name".utf8))
            for bit in 0..<bytes.count * 8 {
                var flipped = bytes
                flipped[bit / 8] ^= 1 << UInt8(bit % 8)
                #expect(throws: Malformed.self, "bit \(bit), seed \(seed)") { try read(flipped, "name") }
            }
            for count in bytes.indices {
                #expect(throws: Malformed.self) { try read(Array(bytes[..<count]), "name") }
            }
            #expect(throws: Malformed.self) { try read(bytes + [0], "name") }
            #expect(throws: Malformed.self, "another cursor's entry is not believed") { try read(bytes, "nam") }
        }
    }

    /// With a valid checksum too.
    @Test func nonsenseIsRefused() {
        func refused(_ change: (inout [UInt8]) -> Void) -> Bool {
            var bytes = CursorEntry(acknowledged: 1, generation: 1, movedMilliseconds: 1, hold: nil).encoded(name: [])
            change(&bytes)
            var checksum = Checksum()
            bytes.withUnsafeBytes { checksum.add(UnsafeRawBufferPointer(rebasing: $0[4...])) }
            withUnsafeBytes(of: checksum.value.littleEndian) { bytes.replaceSubrange(..<4, with: $0) }
            return (try? read(bytes, "")) == nil
        }
        #expect(!refused { _ in })
        #expect(refused { $0[4] = 2 }, "another format")
        #expect(refused { $0[5] = 4 }, "an unknown flag")
        #expect(refused { $0[5] = 1 }, "fails beyond no bound")
        #expect(refused { $0[7] = 1 })
        #expect(refused { $0[15] = 0x80 }, "a negative revision")
        #expect(refused { $0[39] = 0x80 }, "a negative bound")
    }
}
