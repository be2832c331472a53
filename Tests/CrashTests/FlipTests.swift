import ChildProcess
import Foundation
import TestSupport
import Testing
import Vigil

/// Bits flipped in the files of a store that has all there is: blocks, a base, tombstones, overflow pages, a journal that is
/// ahead. Each is read in a process of its own, since LMDB trusts its pages.
///
/// `VIGIL_FLIPS=5000` flips more, `VIGIL_SEED=7` others.
@Suite(.timeLimit(.minutes(10))) struct FlipTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let flips = environment["VIGIL_FLIPS"].flatMap { Int($0) } ?? 200
    private static let seed = environment["VIGIL_SEED"].flatMap { UInt64($0) } ?? 1

    /// What is read is what was written, or there is an error, or the check finds the problem. Who reads without a check
    /// may crash inside of LMDB, but not the check itself, which then finds the problem too.
    @Test(arguments: ["data.mdb", "journal-000", "lock"])
    func noFlipChangesAnAnswerUnseen(_ name: String) async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/store"
            let maker = try ChildProcess(built: "CrashWriter", ["fixture", path])
            for await _ in maker.lines {}
            _ = await maker.status()
            let good = try #require(try await Self.read(path))
            #expect(good.last == "clean" && good.first == "revisions 27 45", "\(good.first ?? "")")
            let url = URL(fileURLWithPath: path + "/" + name)
            let data = try Data(contentsOf: url)
            // Of the journal only the beginning is used.
            let used = try #require(data.lastIndex { $0 != 0 }) + 1
            var random = SeededGenerator(Self.seed)
            for _ in 0..<(name == "lock" ? 20 : Self.flips) {
                let (byte, bit) = (random.below(used), random.below(8))
                var flipped = data
                flipped[byte] ^= 1 << UInt8(bit)
                try flipped.write(to: url)
                let place: Comment = "\(name), byte \(byte), bit \(bit), seed \(Self.seed)"
                var found = try await Self.read(path, place)
                if found == nil { found = try await Self.check(path, place) }
                guard let found, found.last == "clean", found != good else { continue }
                // The newest frame, which no later one vouches for, is taken for one that a crash tore.
                let difference = Self.difference(found, good)
                #expect(name == "journal-000" && found.first == "revisions 27 44", "\(place): \(difference)")
                #expect(Self.through(44, found) == Self.through(44, good), "\(place): \(difference)")
            }
        }
    }

    /// The lines of what was read of the log and of the state at each revision, through `last`.
    private static func through(_ last: Revision, _ lines: [String]) -> Set<String> {
        Set(
            lines.filter { line in
                let words = line.split(separator: " ", maxSplits: 2)
                return ["log", "at"].contains(words[0]) && Revision(words[1])! <= last
            })
    }

    private static func difference(_ found: [String], _ good: [String]) -> String {
        let lines = Set(found).symmetricDifference(good).sorted().map { String($0.prefix(80)) }
        return lines.prefix(4).joined(separator: "; ")
    }

    /// What `CrashWriter read` prints, the last line saying how it ended; nil if it crashed.
    private static func read(_ path: String, _ place: Comment = "") async throws -> [String]? {
        let (lines, status) = try await run("read", path)
        if [-SIGSEGV, -SIGBUS, -SIGABRT].contains(status) { return nil }
        #expect(status == 0, place)
        let last = try #require(lines.last, place)
        #expect(last == "clean" || last == "problems" || last.hasPrefix("error "), place)
        return lines
    }

    /// The same of `CrashWriter check`, on what it is a crash to read: it must see that, and not crash.
    private static func check(_ path: String, _ place: Comment) async throws -> [String] {
        let (lines, status) = try await run("check", path)
        #expect(status == 0, place)
        #expect(lines == ["problems"] || lines.count == 1 && lines[0].hasPrefix("error "), place)
        return lines
    }

    private static func run(_ verb: String, _ path: String) async throws -> (lines: [String], status: Int32) {
        let reader = try ChildProcess(built: "CrashWriter", [verb, path])
        var lines: [String] = []
        for await line in reader.lines { lines.append(line) }
        return (lines, await reader.status())
    }
}
