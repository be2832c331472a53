import ChildProcess
import Foundation
import TestSupport
import Testing
import Vigil

/// What a killed process had acknowledged is there when the store is opened again, and nothing else is invented.
///
/// `VIGIL_KILLS=1000` runs more rounds.
@Suite struct KillTests {
    private static let rounds = ProcessInfo.processInfo.environment["VIGIL_KILLS"].flatMap { Int($0) } ?? 100
    /// Rounds on one directory, one after the other.
    private static let roundsPerStore = 10

    @Test(arguments: 0..<(rounds + roundsPerStore - 1) / roundsPerStore)
    func everyAcknowledgedWriteSurvives(_ index: Int) async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/store"
            var random = SeededGenerator(UInt64(index + 1))
            var watcher = ResumedWatcher()
            for round in 0..<Self.roundsPerStore {
                let seed = UInt64(index * 1000 + round)
                let level = index % 2 == 0 ? "sync" : "interval"
                let acknowledged = try await Self.writeAndKill(path, seed, level, after: random.below(400))
                let store = try await WatchStore.open(path)
                try Self.verify(store, acknowledged, "seed \(seed) round \(round) \(level)")
                try await watcher.follow(store, "seed \(seed) round \(round) \(level)")
                try await store.close()
            }
        }
    }

    struct Acknowledged {
        var revision: Revision
        var key: Bytes
        var value: Bytes?
    }

    /// Runs a writer until it has acknowledged `count` writes and kills it; returns all that it acknowledged.
    static func writeAndKill(
        _ path: String, _ seed: UInt64, _ level: String, after count: Int
    ) async throws -> [Acknowledged] {
        let writer = try ChildProcess(built: "CrashWriter", ["write", path, String(seed), level])
        var acknowledged: [Acknowledged] = []
        for await line in writer.lines {
            let words = line.split(separator: " ").map(String.init)
            try #require(words.count == 4 && words[0] == "ack", "\(line)")
            acknowledged.append(
                Acknowledged(
                    revision: Revision(words[1])!, key: Bytes(words[2]), value: words[3] == "-" ? nil : Bytes(words[3]))
            )
            if acknowledged.count > count { writer.kill() }
        }
        #expect(await writer.status() == -SIGKILL)
        return acknowledged
    }

    static func verify(_ store: WatchStore, _ acknowledged: [Acknowledged], _ place: Comment) throws {
        #expect(store.head >= acknowledged.map(\.revision).max() ?? 0, place)
        for write in acknowledged where write.revision >= store.earliest {
            let (update, _) = try store.show(write.revision)
            let event = try #require(update.events.first { $0.key == write.key }, place)
            #expect(event.type == (write.value == nil ? .delete : .put), place)
            if let value = write.value { #expect(event.value == value, place) }
        }
        let report = try store.check(deep: true)
        #expect(report.problems == [], place)
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
