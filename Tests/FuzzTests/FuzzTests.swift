import ArgumentParser
import Foundation
import TestSupport
import Testing

@testable import VigilCommand

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

    /// A crash ends the process: the seed, printed first, is what repeats it.
    private static func mutate(_ name: String, rounds: Int = rounds, _ body: ([UInt8]) throws -> Void) throws {
        print("fuzzing \(name) with VIGIL_SEED=\(seed)")
        let corpus = try corpus(name)
        for input in corpus { try body(input) }
        var random = SeededGenerator(seed)
        for _ in 0..<rounds { try body(random.mutation(of: corpus)) }
    }

    @Test(arguments: FuzzTarget.allCases)
    func formatsOnDisk(_ target: FuzzTarget) throws {
        try Self.mutate(target.rawValue) { target($0) }
    }

    @Test func linesToImport() throws {
        try Self.mutate("json") { input in
            do {
                let change = try ImportedChange(line: Data(input), number: 1)
                // What was understood is what the line says again.
                let again = try ImportedChange(line: Data(Self.line(change).utf8), number: 1)
                #expect(again.key == change.key && again.bytes == change.bytes, "seed \(Self.seed), \(input)")
            } catch let error as InputError {
                #expect("\(error)".contains("line 1"), "seed \(Self.seed), \(input)")
            }
        }
    }

    private static func line(_ change: ImportedChange) -> String {
        let key = #""key_base64":"\#(Data(Array(change.key)).base64EncodedString())""#
        switch change.change {
        case .put(_, let value): return #"{\#(key),"value_base64":"\#(Data(Array(value)).base64EncodedString())"}"#
        case .delete: return #"{\#(key),"delete":true}"#
        }
    }

    /// Arguments are parsed, and no command is run. Fewer rounds, since the parser takes milliseconds.
    @Test func commandLines() throws {
        try Self.mutate("arguments", rounds: Self.rounds / 40) { input in
            let text = String(decoding: input, as: UTF8.self)
            let arguments = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
            do {
                _ = try VigilCommand.parseAsRoot(arguments)
            } catch {
                // Wrong usage is told, help is shown.
                #expect([0, 64].contains(VigilCommand.exitCode(for: error).rawValue), "seed \(Self.seed), \(text)")
                #expect(!VigilCommand.fullMessage(for: error).isEmpty, "seed \(Self.seed), \(text)")
            }
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
