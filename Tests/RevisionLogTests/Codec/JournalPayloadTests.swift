import Changes
import TestSupport
import Testing

@testable import RevisionLog

@Suite struct JournalPayloadTests {
    func decode(_ header: FrameHeader, _ bytes: [UInt8]) throws -> ChangeBatch {
        try bytes.withUnsafeBytes { try JournalPayload.decode(header, $0) }
    }

    @Test func whatIsWrittenIsRead() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed)
        var codecs: Set<UInt8> = []
        for round in 0..<60 {
            let first = random.number(1 ... .max - 100)
            // One that is too small to compress for certain.
            let small = [[WatchEvent(type: .delete, key: "k", revision: first)]]
            let records = round == 0 ? small : random.records(from: first, count: 1 + random.below(20))
            let time = Int64.random(in: .min ... .max, using: &random)
            let payload = JournalPayload(encode(records, milliseconds: time))
            let batch = try decode(payload.header, payload.bytes)
            #expect(batch.records == records && batch.times == records.map { _ in time }, "seed \(seed)")
            codecs.insert(payload.header.codec)
        }
        #expect(codecs == [0, 1], "both codecs must have been tried, seed \(seed)")
    }

    /// The checksum has been verified before: whatever was written with a valid one may not crash.
    @Test func anyBytesAreAnErrorOrABatch() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed)
        var refused = 0
        for _ in 0..<2000 {
            let payload = JournalPayload(encode(random.records(from: 1000, count: 2), milliseconds: 0))
            var header = payload.header
            var bytes = payload.bytes
            switch random.below(5) {
            case 0: header.codec = UInt8(random.below(256))
            case 1: header.rawLength = random.chance(2) ? Int(UInt32.max) : random.below(2 * header.rawLength)
            case 2: header.recordCount = random.chance(2) ? Int(UInt32.max) : 1 + random.below(4)
            case 3: bytes.removeLast(random.below(bytes.count + 1))
            default: bytes[random.below(bytes.count)] = UInt8(random.below(256))
            }
            let error = storeError { _ = try decode(header, bytes) }
            guard let error else { continue }
            refused += 1
            #expect(error.code == .damaged && error.message.contains("revision 1000"), "seed \(seed)")
        }
        #expect(refused > 500, "seed \(seed)")
    }
}
