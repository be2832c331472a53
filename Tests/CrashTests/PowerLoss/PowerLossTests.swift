import CDiskShim
import ChildProcess
import Foundation
import TestSupport
import Testing
import Vigil

/// What a loss of power leaves, at any point of a recorded run: everything that was flushed, and of the rest what the
/// disk happens to have. `DiskModel` says what is assumed of it.
///
/// `VIGIL_IMAGES=50000` looks at more images, `VIGIL_SEED=7` at others. An image that fails is kept with its trace, since
/// no other run does the same.
@Suite(.timeLimit(.minutes(60))) struct PowerLossTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let images = environment["VIGIL_IMAGES"].flatMap { Int($0) } ?? 1200
    private static let seed = environment["VIGIL_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0..<1_000_000)

    /// The level of durability, and whether checkpoints are made often or as rarely as can be.
    private static let levels = ["sync often", "sync rarely", "interval often", "interval rarely"]

    @Test(arguments: levels)
    func whatWasPromisedSurvives(_ level: String) async throws {
        try await withTemporaryDirectory(inMemory: true) { directory in
            let trace = try await Self.record("1", level, 300, in: directory)
            var search = LossSearch(level, "seed \(Self.seed), \(level)", directory, SeededGenerator(Self.seed))
            try await search.run(trace, DiskModel(), images: Self.images)
        }
    }

    /// While a store is being made, and before it has more than its first writes, every point is looked at, with each
    /// change that was not flushed as the only one that survived, and as the only one that did not.
    @Test func aStoreThatWasBeingMadeCanBeOpened() async throws {
        try await withTemporaryDirectory(inMemory: true) { directory in
            let trace = try await Self.record("1", "sync often", 2, in: directory)
            var search = LossSearch(
                "sync often", "seed \(Self.seed), a new store", directory, SeededGenerator(Self.seed))
            try await search.runSystematically(trace)
        }
    }

    /// Power fails again while the store recovers from a loss, and after it.
    @Test(arguments: levels)
    func aSecondLossTakesNoMore(_ level: String) async throws {
        try await withTemporaryDirectory(inMemory: true) { directory in
            var random = SeededGenerator(Self.seed &+ 1)
            let first = try await Self.record("1", level, 40, in: directory)
            for round in 0..<8 {
                let place = "seed \(Self.seed), \(level), round \(round)"
                var search = LossSearch(level, place, directory, random)
                let image = try search.lose(first, at: random.below(first.records.count))
                let second = try await Self.record("2", level, 15, in: directory, over: image)
                try await search.run(second, DiskModel(image), images: Self.images / 30)
                random = search.random
            }
        }
    }

    /// A flush fails, the store goes on as far as it may, and then power fails: what that flush should have made durable may
    /// never have come to the disk, whatever was flushed later.
    @Test(arguments: levels)
    func aLossAfterAFailedFlush(_ level: String) async throws {
        try await withTemporaryDirectory(inMemory: true) { directory in
            var random = SeededGenerator(Self.seed &+ 2)
            var failed = 0
            for round in 0..<12 {
                // The first are those of the opening. At the level `.interval` there may not be so many.
                let failing = 1 + random.below(60)
                let trace = try await Self.record("1", level, 30, in: directory, failing: failing)
                let place = "seed \(Self.seed), \(level), round \(round), flush \(failing) fails"
                if trace.records.contains(where: { $0.kind == disk_flush_failed }) { failed += 1 }
                var search = LossSearch(level, place, directory, random)
                try await search.run(trace, DiskModel(), images: Self.images / 40)
                random = search.random
            }
            #expect(failed > 0)
        }
    }

    /// The trace of a writer on what `image` has.
    private static func record(
        _ seed: String, _ level: String, _ count: Int, in directory: String, over image: DiskImage = DiskImage(),
        failing: Int = 0
    ) async throws -> DiskTrace {
        let root = directory + "/live"
        try? FileManager.default.removeItem(atPath: root)
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: false)
        try image.write(to: root)
        let path = directory + "/trace"
        let writer = try ChildProcess(
            built: "CrashWriter", ["record", root + "/store", path, seed, level, String(count), String(failing)],
            errors: directory + "/errors")
        for await _ in writer.lines {}
        let errors = try String(contentsOfFile: directory + "/errors", encoding: .utf8)
        try #require(await writer.status() == 0, "\(errors)")
        let trace = try DiskTrace(path)
        // It saw both halves of the store: LMDB's writes and those of the journal.
        for kind in [disk_written, disk_flushed, disk_opened] where failing == 0 {
            #expect(trace.records.count { $0.kind == kind } > 1, "records of kind \(kind.rawValue)")
        }
        return trace
    }
}
