import Changes
import TestSupport
import Testing

@testable import RevisionLog

@Suite struct KeyVersionTests {
    func read(_ bytes: [UInt8], _ key: Bytes, numbersOnly: Bool = false) throws -> KeyVersion {
        try bytes.withUnsafeBytes { bytes in
            try key.withUnsafeBytes { try KeyVersion(bytes, key: $0, numbersOnly: numbersOnly) }
        }
    }

    func version(_ event: WatchEvent) -> KeyVersion {
        KeyVersion(encode([[event]], milliseconds: 0), 0)
    }

    @Test func whatIsWrittenIsRead() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed)
        for _ in 0..<500 {
            let made = random.event(random.number(1 ... .max - 1))
            // The lease of a delete is not kept.
            let event = made.type == .delete ? made.with(lease: 0) : made
            let bytes = version(event).encoded(key: event.key)
            #expect(try read(bytes, event.key).event(event.key) == event, "seed \(seed)")
            let numbers = try read(bytes, event.key, numbersOnly: true)
            #expect(numbers.event(event.key) == event.with(value: Bytes()), "seed \(seed)")
            #expect((numbers.keyValue(event.key) == nil) == (event.type == .delete))
        }
    }

    @Test func theBytesAreFixed() {
        let put = WatchEvent(
            type: .put, key: "k", value: "v", revision: 300, createRevision: 10, version: 7, lease: 128,
            previousRevision: 299)
        #expect(Array(version(put).encoded(key: "k")[4...]) == [0, 0xAC, 2, 1, 0xA2, 2, 7, 0x80, 1] + Array("v".utf8))
        let delete = WatchEvent(type: .delete, key: "k", revision: 300, previousRevision: 1)
        #expect(Array(version(delete).encoded(key: "k")[4...]) == [1, 0xAC, 2, 0xAB, 2])
    }

    @Test func longValuesAreCompressedIfThatSavesAFourth() throws {
        func stored(_ value: Bytes) throws -> [UInt8] {
            let event = WatchEvent(
                type: .put, key: "k", value: value, revision: 3, createRevision: 1, version: 2, previousRevision: 2)
            let bytes = version(event).encoded(key: "k")
            #expect(try read(bytes, "k").event("k") == event)
            return bytes
        }
        func random(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255) } }
        let alike = [UInt8](repeating: 0x78, count: 256)
        #expect(try stored(Bytes(alike))[4] == 3 && stored(Bytes(alike)).count < 40)
        #expect(try stored(Bytes(alike.dropLast()))[4] == 0)
        #expect(try stored(Bytes(random(5000)))[4] == 0)
        // Of which a fifth and three fifths are saved.
        #expect(try stored(Bytes(random(800) + [UInt8](repeating: 0, count: 200)))[4] == 0)
        #expect(try stored(Bytes(random(400) + [UInt8](repeating: 0, count: 600)))[4] == 3)
    }

    @Test func aCompressedValueMustBeAsLongAsItSays() throws {
        let event = WatchEvent(
            type: .put, key: "k", value: Bytes([UInt8](repeating: 0x78, count: 256)), revision: 3, createRevision: 1,
            version: 2, previousRevision: 2)
        let bytes = version(event).encoded(key: "k")
        // Behind type, three revisions, version and lease.
        #expect(Array(bytes[4..<12]) == [3, 3, 1, 2, 2, 0, 0x80, 2])
        for length in [0, 1, 255, 257, 1 << 20, 1 << 40, UInt64(Int64.max), .max] as [UInt64] {
            var changed = Array(bytes[..<10])
            changed.appendVarint(length)
            changed += bytes[12...]
            Bytes("k").withUnsafeBytes { changed.seal(under: $0) }
            #expect(malformed { try read(changed, "k") } != nil, "\(length)")
        }
    }

    @Test func everyFlippedBitAndTruncationIsSeen() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed)
        for _ in 0..<20 {
            let event = random.event(1000)
            let bytes = version(event).encoded(key: event.key)
            for index in bytes.indices.prefix(200) {
                var flipped = bytes
                flipped[index] ^= 1 << UInt8(random.below(8))
                #expect(malformed { try read(flipped, event.key) } != nil, "byte \(index), seed \(seed)")
                #expect(
                    malformed { try read(Array(bytes[..<index]), event.key) } != nil, "\(index) bytes, seed \(seed)")
            }
            #expect(malformed { try read(bytes + [0], event.key) } != nil)
            #expect(malformed { try read(bytes, event.key.successor) } != nil, "another key's entry is not believed")
        }
    }

    /// Checksums do not protect from whoever computes them too: nothing may crash, and what is accepted is possible.
    @Test func anyBytesAreAnErrorOrPossible() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed)
        var accepted = 0
        for _ in 0..<4000 {
            let event = random.event(random.number(1 ... .max - 1))
            var bytes = version(event).encoded(key: event.key)
            for _ in 0...random.below(3) { bytes[4 + random.below(bytes.count - 4)] = UInt8(random.below(256)) }
            if random.chance(4) { bytes.removeLast(random.below(bytes.count - 5)) }
            var checksum = Checksum()
            event.key.withUnsafeBytes { checksum.add($0) }
            bytes.withUnsafeBytes { checksum.add(.init(rebasing: $0[4...])) }
            for index in 0..<4 { bytes[index] = UInt8(truncatingIfNeeded: checksum.value >> UInt32(8 * index)) }
            guard let read = try? read(bytes, event.key) else { continue }
            accepted += 1
            #expect(read.modRevision >= 1 && 0..<read.modRevision ~= read.previousRevision, "seed \(seed)")
            if read.type == .put {
                #expect(1...read.modRevision ~= read.createRevision && read.version >= 1, "seed \(seed)")
            }
        }
        #expect(accepted > 200, "seed \(seed)")
    }
}

@Suite struct MetaTests {
    func read(_ bytes: [UInt8]) throws -> Meta { try bytes.withUnsafeBytes { try Meta($0) } }

    func random() -> Meta {
        var meta = Meta(storeID: .random(in: 0 ... .max))
        meta.checkpoint = .random(in: 0 ... .max)
        meta.compacted = .random(in: 0 ... .max)
        meta.dropped = .random(in: 1 ... .max)
        meta.keys = .random(in: 0 ... .max)
        meta.blocks = .random(in: 0 ... .max)
        meta.logBytes = .random(in: 0 ... .max)
        meta.logRawBytes = .random(in: 0 ... .max)
        meta.sealed = .random(in: 1 ... .max)
        return meta
    }

    @Test func whatIsWrittenIsRead() throws {
        for _ in 0..<100 {
            let meta = random()
            #expect(try read(meta.encoded()) == meta)
        }
        #expect(Meta(storeID: 1).earliest == 1)
    }

    @Test func everyFlippedBitSaysWhatIsWrong() {
        let bytes = random().encoded()
        for index in bytes.indices {
            for bit in 0..<8 {
                var flipped = bytes
                flipped[index] ^= 1 << UInt8(bit)
                let code = storeError { _ = try read(flipped) }?.code
                // Of the version, the flip of a bit that is set makes an older one.
                let isNewer = 8..<12 ~= index && Meta.format >> UInt32(8 * (index - 8) + bit) & 1 == 0
                let expected: StoreError.Code = index < 8 ? .notAStore : isNewer ? .unsupportedFormat : .damaged
                #expect(code == expected, "byte \(index), bit \(bit) of \(bytes)")
            }
        }
    }

    @Test func everyTruncationAndAnythingMoreIsSeen() {
        let bytes = random().encoded()
        for count in bytes.indices {
            let error = storeError { _ = try read(Array(bytes[..<count])) }
            #expect(error?.code == (count < 16 ? .notAStore : .damaged), "\(count) bytes")
        }
        #expect(storeError { _ = try read(bytes + [0]) }?.code == .damaged)
    }
}
