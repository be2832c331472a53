import TestSupport
import Testing

@testable import RevisionLog

@Suite struct VarintTests {
    func read(_ bytes: [UInt8]) throws -> UInt64 {
        try bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            let value = try reader.varint()
            guard reader.remaining == 0 else { throw Malformed("\(reader.remaining) bytes left") }
            return value
        }
    }

    @Test func everyLengthIsReadBack() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed)
        var values: [UInt64] = [0, .max, UInt64(Int64.max)]
        for bits in 0..<64 {
            values += [1 << UInt64(bits), (1 << UInt64(bits)) - 1, random.next() >> UInt64(bits)]
        }
        for value in values {
            var bytes: [UInt8] = []
            bytes.appendVarint(value)
            #expect(bytes.count == max(1, (64 - value.leadingZeroBitCount + 6) / 7))
            #expect(try read(bytes) == value, "seed \(seed)")
            for count in bytes.indices { #expect(malformed { try read(Array(bytes[..<count])) } != nil) }
        }
    }

    @Test func moreThan64BitsAreRefused() throws {
        let nine = [UInt8](repeating: 0xFF, count: 9)
        #expect(try read(nine + [1]) == .max)
        #expect(malformed { try read(nine + [2]) } != nil)
        #expect(malformed { try read(nine + [0x81, 0]) } != nil)
        #expect(malformed { try read([UInt8](repeating: 0x80, count: 20)) } != nil)
    }

    @Test func aNumberIsNotNegative() throws {
        var bytes: [UInt8] = []
        bytes.appendVarint(UInt64(Int64.max) + 1)
        bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            #expect(throws: Malformed.self) { try reader.number() }
        }
    }

    @Test func aLengthDoesNotReachBeyondTheEnd() throws {
        for length: UInt64 in [0, 3, 4, UInt64(Int64.max), .max] {
            var bytes: [UInt8] = []
            bytes.appendVarint(length)
            let start = bytes.count
            (bytes + [1, 2, 3]).withUnsafeBytes { bytes in
                var reader = ByteReader(bytes)
                let range = try? reader.lengthPrefixed()
                #expect(range == (length <= 3 ? start..<start + Int(length) : nil))
            }
        }
    }
}
