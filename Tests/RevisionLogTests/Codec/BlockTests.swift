import Changes
import TestSupport
import Testing

@testable import RevisionLog

@Suite struct BlockTests {
    func decode(_ bytes: [UInt8], _ first: Revision) throws -> ChangeBatch {
        try bytes.withUnsafeBytes { try Block.decode($0, firstRevision: first) }
    }

    /// A block of several batches with their own commit times.
    func make(_ random: inout SeededGenerator, first: Revision, batches: Int) -> (
        bytes: [UInt8], records: [[WatchEvent]], times: [Int64]
    ) {
        var builder = BlockBuilder(firstRevision: first)
        var records: [[WatchEvent]] = []
        var times: [Int64] = []
        for _ in 0..<batches {
            let more = random.records(from: first + Int64(records.count), count: 1 + random.below(4))
            // Clocks are set back, and say anything.
            let time = random.chance(3) ? times.last ?? 0 : Int64.random(in: .min ... .max, using: &random)
            let batch = encode(more, milliseconds: time)
            for record in 0..<batch.recordCount { builder.append(batch, record: record) }
            records += more
            times += more.map { _ in time }
        }
        let (bytes, rawLength) = builder.finish()
        #expect(bytes.withUnsafeBytes { try? Block.header($0) }?.rawLength == rawLength)
        return (bytes, records, times)
    }

    @Test func whatIsWrittenIsRead() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed)
        var compressed = 0
        for _ in 0..<60 {
            let first = random.number(1 ... .max - 100)
            let block = make(&random, first: first, batches: 1 + random.below(10))
            let batch = try decode(block.bytes, first)
            #expect(batch.firstRevision == first)
            #expect(batch.records == block.records, "seed \(seed)")
            #expect(batch.times == block.times, "seed \(seed)")
            compressed += Int(block.bytes[1])
        }
        #expect(compressed > 0, "seed \(seed)")
    }

    @Test func aSmallBlockIsNotCompressed() throws {
        let records = [[WatchEvent(type: .delete, key: "k", revision: 5)]]
        var builder = BlockBuilder(firstRevision: 5)
        builder.append(encode(records, milliseconds: 9), record: 0)
        let block = builder.finish()
        #expect(block.bytes[1] == 0 && block.bytes.count == Block.headerLength + block.rawLength)
        #expect(try decode(block.bytes, 5).records == records)
    }

    @Test func everyFlippedBitIsSeen() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed)
        let block = make(&random, first: 77, batches: 1)
        for index in block.bytes.indices {
            for bit in 0..<8 {
                var flipped = block.bytes
                flipped[index] ^= 1 << UInt8(bit)
                #expect(malformed { try decode(flipped, 77) } != nil, "byte \(index), bit \(bit), seed \(seed)")
            }
        }
    }

    @Test func everyTruncationAndAnythingMoreIsSeen() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed)
        let block = make(&random, first: 77, batches: 4)
        for count in 0..<block.bytes.count {
            #expect(malformed { try decode(Array(block.bytes[..<count]), 77) } != nil, "\(count) bytes, seed \(seed)")
        }
        #expect(malformed { try decode(block.bytes + [0], 77) } != nil)
    }

    @Test func aBlockUnderAnotherKeyIsNotBelieved() throws {
        var random = SeededGenerator(1)
        let block = make(&random, first: 77, batches: 1)
        for first: Revision in [76, 78, 0, -77, .max] {
            #expect(malformed { try decode(block.bytes, first) }?.reason == "block checksum does not match")
        }
        for count in [0, 7, 9] {
            let key = [UInt8](repeating: 0, count: count)
            let error = storeError { _ = try key.withUnsafeBytes { try Block.firstRevision($0) } }
            #expect(error?.code == .damaged)
        }
        #expect(try ([0, 0, 0, 0, 0, 0, 1, 2] as [UInt8]).withUnsafeBytes { try Block.firstRevision($0) } == 258)
    }

    /// Checksums do not protect from whoever computes them too: nothing may crash.
    @Test func anyBytesAreAnErrorOrABatch() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed)
        var accepted = 0
        for round in 0..<2000 {
            let first: Revision = round % 2 == 0 ? 77 : .max - 40
            var bytes = make(&random, first: first, batches: 1 + random.below(3)).bytes
            for _ in 0...random.below(3) {
                // Header and begin of the payload more often than the rest.
                let end = random.chance(2) ? min(48, bytes.count) : bytes.count
                bytes[random.below(end)] = UInt8(random.below(256))
            }
            seal(&bytes, first)
            if let batch = try? decode(bytes, first) {
                accepted += 1
                #expect(batch.records.count == batch.times.count, "seed \(seed)")
            }
        }
        #expect(accepted > 100, "seed \(seed)")
    }

    @Test func countsMustBeTrue() throws {
        var random = SeededGenerator(1)
        let block = make(&random, first: 77, batches: 4)
        for (offset, name) in [(4, "records"), (8, "changes"), (12, "raw bytes"), (24, "stored bytes")] {
            for difference in [1, 255] as [UInt8] {
                var bytes = block.bytes
                bytes[offset] &+= difference
                seal(&bytes, 77)
                #expect(malformed { try decode(bytes, 77) } != nil, "\(name) + \(Int8(bitPattern: difference))")
            }
        }
        // Before memory is taken for it.
        for (byte, reason) in [(0xFF, "the limit is 2113929216"), (0x40, "raw bytes in")] as [(UInt8, String)] {
            var huge = block.bytes
            huge[15] = byte
            seal(&huge, 77)
            #expect(malformed { try decode(huge, 77) }?.reason.contains(reason) == true)
        }
    }

    /// Gives a block the checksum of what it now holds.
    private func seal(_ bytes: inout [UInt8], _ first: Revision) {
        var checksum = Checksum()
        checksum.add(first)
        bytes.withUnsafeBytes {
            checksum.add(.init(rebasing: $0[..<28]))
            checksum.add(.init(rebasing: $0[Block.headerLength...]))
        }
        for index in 0..<4 { bytes[28 + index] = UInt8(truncatingIfNeeded: checksum.value >> UInt32(8 * index)) }
    }
}
