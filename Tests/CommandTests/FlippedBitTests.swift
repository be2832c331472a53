import ChildProcess
import Foundation
import TestSupport
import Testing

/// Bits of a closed store's data file flipped, one at a time. Each run is a process of its own, since LMDB trusts its
/// pages and might crash.
@Suite struct FlippedBitTests {
    private static let flips = 60

    @Test func checkFindsWhatChangesAnAnswer() async throws {
        try await withCommand { vigil in
            let lines = (1...300).map { #"{"key":"k\#($0 % 40)","value":"value number \#($0)"}"# }
            _ = try await vigil("import", "-", input: lines.joined(separator: "\n"))
            let good = try await vigil("export").lines
            let url = URL(fileURLWithPath: vigil.data + "/data.mdb")
            let data = try Data(contentsOf: url)
            var random = SeededGenerator(11)
            for _ in 0..<Self.flips {
                let (byte, bit) = (random.below(data.count), random.below(8))
                var flipped = data
                flipped[byte] ^= 1 << UInt8(bit)
                try flipped.write(to: url)
                let place: Comment = "byte \(byte), bit \(bit)"
                let export = try await vigil("export")
                let check = try await vigil("check", "--deep")
                #expect([0, 3].contains(check.status), "\(place): \(check.status) \(check.errors.prefix(3000))")
                #expect(export.status >= 0, "\(place): signal \(-export.status)")
                if export.status != 0 || export.lines != good { #expect(check.status == 3, place) }
            }
        }
    }
}
