import CCRC32C
import TestSupport
import Testing

@testable import RevisionLog

@Suite struct ChecksumTests {
    private func portable(_ bytes: [UInt8], from crc: UInt32 = 0) -> UInt32 {
        vigil_crc32c_portable(crc, bytes, bytes.count)
    }

    private func fast(_ bytes: [UInt8], from crc: UInt32 = 0) -> UInt32 {
        vigil_crc32c(crc, bytes, bytes.count)
    }

    /// The check value of the algorithm, and those that RFC 3720 (iSCSI) gives in B.4.
    @Test func knownValues() {
        let vectors: [(bytes: [UInt8], crc: UInt32)] = [
            (Array("123456789".utf8), 0xE306_9283),
            ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
            ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
            (Array(0..<32), 0x46DD_794E),
            (Array((0..<32).reversed()), 0x113F_DB5C),
            ([], 0),
        ]
        for (bytes, crc) in vectors {
            #expect(fast(bytes) == crc)
            #expect(portable(bytes) == crc)
        }
    }

    @Test func hardwareAndTableAgree() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed)
        let bytes = (0..<5000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        for round in 0..<500 {
            // All short lengths, at all alignments.
            let count = round < 100 ? round : random.below(4000)
            let start = random.below(bytes.count - count)
            let crc = UInt32(truncatingIfNeeded: random.next())
            let (a, b) = bytes.withUnsafeBytes { all in
                let first = all.baseAddress! + start
                return (vigil_crc32c(crc, first, count), vigil_crc32c_portable(crc, first, count))
            }
            #expect(a == b, "\(count) bytes from \(start), seed \(seed)")
        }
    }

    @Test func piecesAddUp() {
        let bytes = (0..<100).map { UInt8($0 * 7 & 0xFF) }
        let whole = fast(bytes)
        for cut in 0...bytes.count {
            var checksum = Checksum()
            bytes.withUnsafeBytes {
                checksum.add(.init(rebasing: $0[..<cut]))
                checksum.add(.init(rebasing: $0[cut...]))
            }
            #expect(checksum.value == whole, "cut at \(cut)")
        }
        var number = Checksum()
        number.add(UInt32(0x0403_0201))
        #expect(number.value == fast([1, 2, 3, 4]))
    }
}
