import ChildProcess
import Foundation
import TestSupport
import Testing
import Vigil

/// A watcher in another process, while the writer is killed and started again beneath it, and the watcher too.
@Suite(.timeLimit(.minutes(5))) struct FollowTests {
    private static let kills = 12

    @Test func seesEveryEventOnceOverKills() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/store"
            let first = try await WatchStore.open(path)
            try await first.put("w0/1", "s-0-1-x")
            try await first.close()
            var seen = SeenEvents()
            var follower = try ChildProcess(built: "CrashWriter", ["follow", path, "1"])
            var lines = follower.lines.makeAsyncIterator()
            for round in 0..<Self.kills {
                // The follower lives through three writers, then is killed itself.
                if round % 3 == 2 {
                    follower.kill()
                    while let line = await lines.next() { try seen.add(line) }
                    follower = try ChildProcess(
                        built: "CrashWriter", ["follow", path, String(seen.resumeRevision())])
                    lines = follower.lines.makeAsyncIterator()
                }
                let writer = try ChildProcess(built: "CrashWriter", ["write", path, String(round), "sync"])
                var acknowledged: Revision = 0
                for await line in writer.lines {
                    acknowledged = max(acknowledged, try Acknowledged(line: line, "ack").revision)
                    // Before or after the follower has read them, as it happens.
                    if acknowledged > seen.last + 120 { writer.kill() }
                }
                _ = await writer.status()
                while seen.last < acknowledged {
                    let line = try #require(await lines.next(), "round \(round): the follower ended")
                    try seen.add(line)
                }
            }
            follower.kill()
            while let line = await lines.next() { try seen.add(line) }
            try await seen.compare(path)
        }
    }

    /// After a loss of power the lock file may name revisions that the journal has lost.
    @Test func aHeadThatTheJournalHasLostIsNotWaitedFor() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/image"
            var options = StoreOptions()
            options.log.checkpointInterval = .seconds(3600)
            let live = try await WatchStore.open(directory + "/live", options: options)
            for index in 1...5 { try await live.put("w0/1", "s-0-\(index)-x") }
            try copyOpenStore(at: directory + "/live", to: path)
            try await live.close()
            let journal = URL(fileURLWithPath: path + "/journal-000")
            var bytes = try Data(contentsOf: journal)
            let end = try #require(bytes.lastIndex { $0 != 0 })
            bytes.replaceSubrange(end - 20...end, with: Data(count: 21))
            try bytes.write(to: journal)

            var seen = SeenEvents()
            let follower = try ChildProcess(built: "CrashWriter", ["follow", path, "1"])
            var lines = follower.lines.makeAsyncIterator()
            while seen.last < 4 { try seen.add(try #require(await lines.next(), "the follower ended")) }
            let writer = try await WatchStore.open(path)
            #expect(writer.head == 4)
            for index in 5...8 { try await writer.put("w0/1", "s-0-\(index)-y") }
            while seen.last < 8 { try seen.add(try #require(await lines.next(), "the follower ended")) }
            #expect(seen.events.suffix(4).map(\.value) == (5...8).map { "s-0-\($0)-y" })
            follower.kill()
            try await writer.close()
        }
    }

    @Test func aSecondWriterIsToldOfTheFirst() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/store"
            let writer = try ChildProcess(built: "CrashWriter", ["write", path, "1", "sync"])
            for await _ in writer.lines { break }
            do {
                _ = try await WatchStore.open(path)
                Issue.record("a second writer was let in")
            } catch let error as StoreError {
                #expect(error.code == .locked)
                #expect(error.message.contains("process \(writer.processIdentifier)"), "\(error)")
            }
            let reader = try await WatchStore.open(path, options: StoreOptions(access: .readOnly))
            #expect(try reader.check(deep: true).problems == [])
            do {
                try await reader.put("k", "v")
                Issue.record("a reader wrote")
            } catch let error as StoreError {
                #expect(error.code == .readOnly)
            }
            try await reader.close()
            writer.kill()
            #expect(await writer.status() == -SIGKILL)
            try await WatchStore.open(path).close()
        }
    }
}

/// What the followers printed, one after the other.
private struct SeenEvents {
    private(set) var events: [Acknowledged] = []

    var last: Revision { events.last?.revision ?? 0 }

    mutating func add(_ line: String) throws {
        let event = try Acknowledged(line: line, "event")
        // Nothing twice, and nothing left out.
        try #require(event.revision == last || event.revision == last + 1, "\(line) after \(last)")
        events.append(event)
    }

    /// Where to go on. The last revision may have been printed in part only, and is asked for again.
    mutating func resumeRevision() -> Revision {
        let revision = last
        events.removeAll { $0.revision == revision }
        return max(1, revision)
    }

    /// Compares with the log, as far as that is retained.
    func compare(_ path: String) async throws {
        let store = try await WatchStore.open(path)
        let log = try store.log(from: store.earliest, limit: .max).updates.joined()
        let whole = log.filter { $0.revision < last }
        let retained = events.filter { $0.revision >= store.earliest && $0.revision < last }
        #expect(whole.map(\.revision) == retained.map(\.revision))
        #expect(whole.map(\.key) == retained.map(\.key))
        #expect(whole.map { $0.type == .put ? $0.value : nil } == retained.map(\.value))
        #expect(retained.count > 100)
        try await store.close()
    }
}
