import Changes
import TestSupport
import Testing

@testable import RevisionLog

@Suite struct ValueDictionaryTests {
    private func read(_ entry: [UInt8], _ key: [UInt8]) throws -> ValueDictionary {
        try entry.withUnsafeBytes { entry in try key.withUnsafeBytes { try ValueDictionary(entry, key: $0) } }
    }

    private func random(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255) } }

    @Test(arguments: [1, 2, 600, 16 << 10]) func whatIsWrittenIsRead(_ count: Int) throws {
        for bytes in [random(count), [UInt8](repeating: 0x78, count: count)] {
            for number in [1, 16] as [UInt32] {
                let dictionary = ValueDictionary(number: number, bytes: bytes)
                #expect(try read(dictionary.encoded(), dictionary.key) == dictionary)
            }
        }
    }

    @Test func theBytesAreFixed() {
        let dictionary = ValueDictionary(number: 3, bytes: [1, 2, 3])
        #expect(dictionary.key == [0, 0, 0, 3])
        #expect(Array(dictionary.encoded()[4...]) == [32, 0, 3, 0, 1, 2, 3])
    }

    @Test func everyFlippedBitAndTruncationIsSeen() {
        let dictionary = ValueDictionary(number: 1, bytes: random(50) + [UInt8](repeating: 0, count: 600))
        let (key, entry) = (dictionary.key, dictionary.encoded())
        for index in entry.indices {
            for bit in 0..<8 {
                var flipped = entry
                flipped[index] ^= 1 << UInt8(bit)
                #expect(malformed { try read(flipped, key) } != nil, "byte \(index), bit \(bit)")
            }
            #expect(malformed { try read(Array(entry[..<index]), key) } != nil, "\(index) bytes")
        }
        #expect(malformed { try read(entry + [0], key) } != nil)
        #expect(malformed { try read(entry, [0, 0, 0, 2]) } != nil, "another's entry is not believed")
    }

    /// With a checksum that is right: numbers and lengths have bounds.
    @Test func whatNoStoreHasIsRefused() {
        func refused(_ key: [UInt8], _ change: (inout [UInt8]) -> Void) -> Bool {
            var entry = ValueDictionary(number: 1, bytes: [1, 2, 3]).encoded()
            change(&entry)
            key.withUnsafeBytes { entry.seal(under: $0) }
            return malformed { try read(entry, key) } != nil
        }
        #expect(!refused([0, 0, 0, 1]) { _ in })
        #expect(refused([0, 0, 0, 0]) { _ in } && refused([0, 0, 0, 17]) { _ in } && refused([0, 0, 1]) { _ in })
        #expect(refused([0, 0, 0, 1]) { $0[4] = 0 } && refused([0, 0, 0, 1]) { $0[5] = 2 })
        #expect(refused([0, 0, 0, 1]) { $0[6] = 0 } && refused([0, 0, 0, 1]) { $0[6] = 4 })
        #expect(refused([0, 0, 0, 1]) { $0[7] = 0xFF })
    }

    // MARK: Values

    private static let dictionary = ValueDictionary(
        number: 7, bytes: Array(#"{"service":"checkout","region":"eu-central","healthy":true,"load":0.1}"#.utf8))

    private func stored(_ value: Bytes, _ compressor: DictionaryCompressor) -> [UInt8] {
        let version = KeyVersion(putting: value, at: 3, after: nil)
        return version.encoded(key: "k", compressor)
    }

    private func value(
        _ bytes: [UInt8],
        _ dictionaries: KeyVersion.FindDictionary = { number throws(Malformed) in
            if number != 7 { throw .missing(dictionary: number) }
            return Self.dictionary
        }
    ) throws -> Bytes {
        try bytes.withUnsafeBytes { bytes in
            try Bytes("k").withUnsafeBytes { try KeyVersion(bytes, key: $0, dictionaries) }
        }.value
    }

    @Test func valuesThatAreAlikeTakeLittle() throws {
        let compressor = DictionaryCompressor(Self.dictionary)
        for load in 0..<100 {
            let alike = Bytes(#"{"service":"checkout","region":"eu-west","healthy":false,"load":0.\#(load)}"#)
            let bytes = stored(alike, compressor)
            #expect(Array(bytes[4..<12]) == [4, 3, 0, 0, 1, 0, 7, UInt8(alike.count)])
            #expect(bytes.count < 12 + alike.count / 2)
            #expect(try value(bytes) == alike)
        }
    }

    @Test func othersAreStoredAsTheyAre() throws {
        let compressor = DictionaryCompressor(Self.dictionary)
        for other in [Bytes(), Bytes(Array(Self.dictionary.bytes.prefix(31))), Bytes(random(500))] {
            let bytes = stored(other, compressor)
            #expect(bytes[4] == 0)
            #expect(try value(bytes) == other)
        }
    }

    /// LZ4 does not reach back that far; nothing else says so.
    @Test func longOnesAreCompressedByThemselves() throws {
        let compressor = DictionaryCompressor(Self.dictionary)
        for (count, type) in [(64 << 10, 4), (64 << 10 + 1, 3)] as [(Int, UInt8)] {
            let long = Bytes([UInt8](repeating: 0x78, count: count))
            let bytes = stored(long, compressor)
            #expect(bytes[4] == type)
            #expect(try value(bytes) == long)
        }
    }

    @Test func withoutItsDictionaryAValueIsAnError() throws {
        let bytes = stored(Bytes(Self.dictionary.bytes), DictionaryCompressor(Self.dictionary))
        let missing = malformed { try value(bytes) { number throws(Malformed) in throw .missing(dictionary: number) } }
        #expect(missing?.reason == "dictionary 7, which its value needs, is missing or damaged")
        // A shorter one: what it repeats is not there.
        let cut = ValueDictionary(number: 7, bytes: Array(Self.dictionary.bytes.suffix(4)))
        #expect(malformed { try value(bytes) { _ throws(Malformed) in cut } } != nil)
        // The numbers are there all the same.
        let numbers = try bytes.withUnsafeBytes { bytes in
            try Bytes("k").withUnsafeBytes { try KeyVersion(bytes, key: $0, numbersOnly: true) }
        }
        #expect(numbers.modRevision == 3 && numbers.value.isEmpty)
    }
}
