import Foundation
import TestSupport
import Testing

/// The committed corpus, and random changes of it, for each target. `Tools/fuzz` looks for more with libFuzzer.
///
/// `VIGIL_SEED=7` changes otherwise; `VIGIL_FUZZ_ROUNDS=1000000` longer.
@Suite(.timeLimit(.minutes(10))) struct FuzzTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let seed = environment["VIGIL_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0 ... .max)
    private static let rounds = environment["VIGIL_FUZZ_ROUNDS"].flatMap { Int($0) } ?? 20_000
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Corpus")

    private static func corpus(_ name: String) throws -> [[UInt8]] {
        let files = try FileManager.default.contentsOfDirectory(
            at: folder.appendingPathComponent(name), includingPropertiesForKeys: nil)
        try #require(!files.isEmpty)
        return try files.sorted { $0.path < $1.path }.map { Array(try Data(contentsOf: $0)) }
    }

    /// A failure ends the process: the seed, printed first, is what repeats it.
    @Test(arguments: FuzzTarget.allCases)
    func anyBytes(_ target: FuzzTarget) throws {
        print("fuzzing \(target) with VIGIL_SEED=\(Self.seed)")
        let corpus = try Self.corpus(target.rawValue)
        for input in corpus { target(input) }
        var random = SeededGenerator(Self.seed)
        for _ in 0..<Self.rounds / target.cost { target(random.mutation(of: corpus)) }
    }
}

extension FuzzTarget {
    /// How many times longer than others it takes.
    fileprivate var cost: Int {
        switch self {
        // The parser takes milliseconds.
        case .arguments: 40
        // Through files.
        case .backup, .import: 5
        default: 1
        }
    }
}

extension SeededGenerator {
    /// One of `corpus`, changed in one to eight ways.
    fileprivate mutating func mutation(of corpus: [[UInt8]]) -> [UInt8] {
        var bytes = corpus[below(corpus.count)]
        for _ in 0...below(8) {
            let position = below(bytes.count + 1)
            let count = min(bytes.count - position, 1 + below(chance(4) ? 64 : 4))
            switch below(7) {
            case 0 where count > 0: bytes[position] ^= 1 << UInt8(below(8))
            case 1 where count > 0: bytes[position] = UInt8(below(256))
            case 2 where count > 0: bytes[position] = [0, 1, 0x7F, 0x80, 0xFF][below(5)]
            case 3: bytes.removeSubrange(position..<position + count)
            case 4: bytes.insert(contentsOf: (0..<1 + below(8)).map { _ in UInt8(below(256)) }, at: position)
            case 5: bytes.insert(contentsOf: bytes[position..<position + count], at: below(bytes.count + 1))
            case 6:
                let other = corpus[below(corpus.count)]
                bytes = Array(bytes[..<position] + other.suffix(below(other.count + 1)))
            default: break
            }
        }
        return bytes
    }
}
