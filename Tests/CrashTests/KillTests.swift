import ChildProcess
import Foundation
import RevisionLog
import TestSupport
import Testing
import Vigil

/// What a killed process had acknowledged is there when the store is opened again, and nothing else is invented.
///
/// `VIGIL_KILLS=100` does more per store, `VIGIL_SEED=7` others.
@Suite(.timeLimit(.minutes(10))) struct KillTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let seed = environment["VIGIL_SEED"].flatMap { Int($0) } ?? 0
    /// Kills on one store, one after the other.
    private static let rounds = environment["VIGIL_KILLS"].flatMap { Int($0) } ?? 10
    /// Stores at the same time: no more, or the machine only switches between them.
    private static let stores = 12

    @Test(arguments: seed..<seed + stores)
    func everyAcknowledgedWriteSurvives(_ index: Int) async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/store"
            var random = SeededGenerator(UInt64(index))
            var watcher = ResumedWatcher()
            var head: Revision = 0
            for round in 0..<Self.rounds {
                let seed = index * 1_000_000 + round
                let level = index % 2 == 0 ? "sync" : "interval"
                let place: Comment = "store \(index), round \(round), \(level)"
                let acknowledged = try await Self.writeAndKill(path, seed, level, after: random.below(400))
                // Opened read-only the store stays as the crash left it, and the next writer is killed over that.
                let access: StoreOptions.Access = random.chance(2) ? .readOnly : .readWrite
                let store = try await WatchStore.open(path, options: StoreOptions(access: access))
                try WriterTrace.verify(store, acknowledged, after: head, place)
                try await watcher.follow(store, place)
                head = store.head
                try await store.close()
            }
        }
    }

    /// Killed at any time after its start: while it makes the store, or reads the journal and repairs what the kill
    /// before it left. Three kills before each look.
    @Test(arguments: seed..<seed + stores)
    func aKillWhileOpeningLosesNothing(_ index: Int) async throws {
        var random = SeededGenerator(UInt64(index + 1_000_000))
        for attempt in 0..<(Self.rounds + 9) / 10 {
            let place: Comment = "store \(index), attempt \(attempt)"
            try await withTemporaryDirectory { directory in
                let path = directory + "/store"
                var acknowledged: [Acknowledged] = []
                for round in 0..<3 {
                    let writer = try ChildProcess(built: "CrashWriter", ["write", path, "\(round)", "sync"])
                    // There is no event to wait for: the moment is meant to be any.
                    try await Task.sleep(for: .microseconds(random.below(40_000)))
                    writer.kill()
                    for await line in writer.lines { acknowledged.append(try Acknowledged(line: line, "ack")) }
                    #expect(await writer.status() == -SIGKILL, place)
                }
                let store = try await WatchStore.open(path)
                try WriterTrace.verify(store, acknowledged, runs: 3, place)
                try await store.close()
            }
        }
    }

    /// Runs a writer until it has acknowledged `count` writes and kills it; returns all that it acknowledged.
    private static func writeAndKill(
        _ path: String, _ seed: Int, _ level: String, after count: Int
    ) async throws -> [Acknowledged] {
        let writer = try ChildProcess(built: "CrashWriter", ["write", path, String(seed), level])
        var acknowledged: [Acknowledged] = []
        for await line in writer.lines {
            acknowledged.append(try Acknowledged(line: line, "ack"))
            if acknowledged.count > count { writer.kill() }
        }
        #expect(await writer.status() == -SIGKILL)
        return acknowledged
    }
}

/// The same, killed at each step that the code names, the first time it comes there and later ones.
@Suite(.timeLimit(.minutes(10))) struct FailpointTests {
    /// Writes after which a step is not waited for any longer: to come there at all, and again. Sealing rests while there is
    /// much to checkpoint, which is when the disk is as slow as the writers are fast.
    private static func patience(_ arrival: Int) -> Int { arrival == 1 ? 40_000 : 4000 }

    @Test(arguments: Failpoint.allCases) func nothingIsLostByAKill(at point: Failpoint) async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/store"
            var watcher = ResumedWatcher()
            var head: Revision = 0
            for (round, arrival) in [1, 2, 7].enumerated() {
                let place: Comment = "\(point), arrival \(arrival)"
                let mode = point == .segmentRemoved ? "sessions" : "write"
                let writer = try ChildProcess(
                    built: "CrashWriter", [mode, path, String(round), "sync"],
                    environment: ["VIGIL_FAILPOINT": "\(point):\(arrival)"])
                var acknowledged: [Acknowledged] = []
                for await line in writer.lines {
                    acknowledged.append(try Acknowledged(line: line, "ack"))
                    // Some steps are rare: a segment is made once. Each comes at least once.
                    if acknowledged.count > Self.patience(arrival) {
                        #expect(arrival > 1, "the step was not reached; \(place)")
                        writer.kill()
                    }
                }
                #expect(await writer.status() == -SIGKILL, place)
                let store = try await WatchStore.open(path)
                try WriterTrace.verify(store, acknowledged, after: head, place)
                try await watcher.follow(store, place)
                head = store.head
                try await store.close()
            }
        }
    }
}

/// A watcher that goes on, after each crash, where it was: its sequence must be that of the log.
private struct ResumedWatcher {
    private var next: Revision = 1

    mutating func follow(_ store: WatchStore, _ place: Comment) async throws {
        guard store.head >= next else { return }
        // What was compacted before it could be seen is told, and not skipped.
        if next < store.earliest {
            let watch = try store.watch(.all, from: .revision(next))
            await #expect(throws: StoreError.compacted(requested: next, earliest: store.earliest), place) {
                for try await _ in watch {}
            }
            next = store.earliest
        }
        for try await element in try store.watch(.all, from: .revision(next)) {
            guard case .update(let update) = element else { continue }
            #expect(update.revision == next, place)
            next = update.revision + 1
            if update.revision == store.head { break }
        }
    }
}
