import ChildProcess
import Foundation
import RevisionLog
import TestSupport
import Testing
import Vigil

/// Everything at once, on one store: writers that are killed at random moments and steps, watches inside of the process
/// and in others, which are killed too, cursors, retention, compaction, sealing, shrinking, backups, and a disk that is full
/// now and then. At the end no watcher has missed anything, or seen anything twice.
///
/// `Tools/torture SECONDS [SEED]` does it for longer.
@Suite(.timeLimit(.minutes(60))) struct TortureTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let seconds = environment["VIGIL_TORTURE_SECONDS"].flatMap { Int($0) } ?? 15
    private static let seed = environment["VIGIL_SEED"].flatMap { UInt64($0) } ?? .random(in: 0...999_999)

    @Test func noWatcherMissesAnything() async throws {
        try await withTemporaryDirectory(inMemory: true) { directory in
            let path = directory + "/store"
            try await WatchStore.open(path).close()
            var random = SeededGenerator(Self.seed)
            let watchers: [any TorturedWatcher] = [
                TorturedFollower(path), TorturedFollower(path), TorturedCursor(path, name: "outside"),
            ]
            let following = watchers.map { watcher in Task { try await watcher.run() } }
            var totals = TortureTotals()
            let end = ContinuousClock.now + .seconds(Self.seconds)
            while ContinuousClock.now < end {
                try await Self.round(path, &totals, &random)
                for watcher in watchers where random.chance(3) {
                    watcher.kill()
                    totals.watcherKills += 1
                }
            }
            for watcher in watchers {
                try await watcher.reach(totals.head)
                watcher.stop()
            }
            for task in following { try await task.value }
            print("torture, seed \(Self.seed): \(totals)")
            for watcher in watchers {
                print("  \(watcher)")
                #expect(watcher.problems == [], "seed \(Self.seed)")
                #expect(watcher.seen > 0, "seed \(Self.seed)")
            }
            #expect(totals.kills > 0)
        }
    }

    /// One life of a writer.
    private static func round(
        _ path: String, _ totals: inout TortureTotals, _ random: inout SeededGenerator
    ) async throws {
        let place: Comment = "seed \(seed), round \(totals.rounds)"
        var variables: [String: String] = [:]
        if random.chance(2) {
            let point = Failpoint.allCases[random.below(Failpoint.allCases.count)]
            variables["VIGIL_FAILPOINT"] = "\(point):\(1 + random.below(20))"
        }
        let patience = 20 + random.below(1500)
        let writer = try ChildProcess(
            built: "CrashWriter", ["torture", path, String(seed &* 1_000_000 &+ UInt64(totals.rounds))],
            environment: variables)
        var acknowledged: [Acknowledged] = []
        for await line in writer.lines {
            if line.hasPrefix("bad ") {
                Issue.record("\(line), \(place)")
                continue
            }
            acknowledged.append(try Acknowledged(line: line, "ack"))
            if acknowledged.count > patience { writer.kill() }
        }
        #expect(await writer.status() == -SIGKILL, place)
        let store = try await WatchStore.open(path)
        try WriterTrace.verify(store, acknowledged, after: totals.head, place)
        totals.head = store.head
        try await store.close()
        totals.rounds += 1
        totals.kills += 1
        totals.acknowledged += acknowledged.count
    }
}

/// What was done.
private struct TortureTotals: CustomStringConvertible {
    var rounds = 0
    var kills = 0
    var watcherKills = 0
    var acknowledged = 0
    var head: Revision = 0

    var description: String {
        "\(kills) kills of writers, \(watcherKills) of watchers, \(acknowledged) acknowledged writes, revision \(head)"
    }
}
