import Changes
import TestSupport
import Testing

@testable import RevisionLog

@Suite struct RecordTests {
    func decode(_ bytes: [UInt8], from offset: Int = 0, first: Revision, count: Int) throws -> ChangeBatch {
        try RecordDecoder.decode(
            bytes, from: offset, firstRevision: first, recordCount: count, changeCount: 0,
            commitTimes: [.init(record: 0, milliseconds: 5)])
    }

    @Test func whatIsWrittenIsRead() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed)
        for _ in 0..<60 {
            let count = 1 + random.below(30)
            let first = random.number(1 ... .max - 100)
            let records = random.records(from: first, count: count)
            let batch = encode(records, milliseconds: 5)
            #expect(batch.records == records, "seed \(seed)")
            let read = try decode(batch.storage, first: first, count: count)
            #expect(read.records == records, "seed \(seed)")
            // Wherever the records stand.
            let moved = try decode([1, 2, 3] + batch.storage, from: 3, first: first, count: count)
            #expect(moved.records == records, "seed \(seed)")
            // Whichever batch a record is copied from.
            var encoder = RecordEncoder(firstRevision: first)
            for record in 0..<count { encoder.append(moved, record: record) }
            #expect(encoder.finish(milliseconds: 5).storage == batch.storage, "seed \(seed)")
        }
    }

    @Test func theBytesAreFixed() throws {
        let put = WatchEvent(
            type: .put, key: "key", value: "v", revision: 300, createRevision: 10, version: 7, lease: 128,
            previousRevision: 299)
        let delete = WatchEvent(type: .delete, key: "k", revision: 300, previousRevision: 1)
        let bytes = encode([[put, delete]], milliseconds: 0).storage
        #expect(
            bytes == [2, 6, 3] + Array("key".utf8) + [1] + Array("v".utf8) + [0xA2, 2, 7, 0x80, 1, 1]
                + [5, 1] + Array("k".utf8) + [0xAB, 2])
    }

    @Test func everyTruncationAndAnythingMoreIsAnError() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed)
        for _ in 0..<20 {
            let records = random.records(from: 1000, count: 3)
            let bytes = encode(records, milliseconds: 0).storage
            for count in 0..<bytes.count {
                #expect(
                    malformed { try decode(Array(bytes[..<count]), first: 1000, count: 3) } != nil,
                    "\(count) bytes, seed \(seed)")
            }
            #expect(malformed { try decode(bytes + [0], first: 1000, count: 3) } != nil)
            #expect(malformed { try decode(bytes, first: 1000, count: 2) } != nil)
            #expect(malformed { try decode(bytes, first: 1000, count: 4) } != nil)
            #expect(malformed { try decode(bytes, first: 1000, count: .max) } != nil)
        }
    }

    /// Checksums do not protect from whoever computes them too: nothing may crash, and what is accepted is possible.
    @Test func anyBytesAreAnErrorOrPossible() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed)
        var accepted = 0
        for round in 0..<4000 {
            let first: Revision = round % 2 == 0 ? 1000 : .max - 3
            var bytes = encode(random.records(from: first, count: 2), milliseconds: 0).storage
            for _ in 0...random.below(3) { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
            guard let batch = try? decode(bytes, first: first, count: 2) else { continue }
            accepted += 1
            #expect(batch.records.joined().allSatisfy(isPossible), "seed \(seed)")
        }
        #expect(accepted > 200, "seed \(seed)")
    }

    private func isPossible(_ event: WatchEvent) -> Bool {
        guard (1...4096).contains(event.key.count), 0..<event.revision ~= event.previousRevision else { return false }
        if event.type == .delete { return event.createRevision == 0 && event.version == 0 && event.value.isEmpty }
        return 1...event.revision ~= event.createRevision && event.version >= 1
    }

    @Test func keysHaveALimit() throws {
        for count in [0, 1, 4096, 4097, 65_535] {
            let key = [UInt8](repeating: 7, count: count)
            var bytes: [UInt8] = [1, 1]
            bytes.appendVarint(UInt64(count))
            #expect((malformed { try decode(bytes + key, first: 1, count: 1) } == nil) == (1...4096 ~= count))
        }
    }

    @Test func revisionsThatAreNoneAreRefused() {
        let delete: [UInt8] = [1, 1, 1, 7]
        #expect(malformed { try decode(delete, first: 1, count: 1) } == nil)
        for first: Revision in [0, -1, .min] {
            #expect(malformed { try decode(delete, first: first, count: 1) } != nil, "first revision \(first)")
        }
        #expect(malformed { try decode(delete + delete, first: .max - 1, count: 2) } != nil)
        // A previous revision of 0, or the change's own.
        #expect(malformed { try decode([1, 5, 1, 7, 0], first: 3, count: 1) } != nil)
        #expect(malformed { try decode([1, 5, 1, 7, 2], first: 3, count: 1) } == nil)
        #expect(malformed { try decode([1, 5, 1, 7, 3], first: 3, count: 1) } != nil)
    }
}
