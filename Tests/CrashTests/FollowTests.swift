import ChildProcess
import Foundation
import TestSupport
import Testing
import Vigil

/// A watcher in another process, while the writer is killed and started again, and the watcher too.
@Suite struct FollowTests {
    @Test func seesEveryRevisionOnceOverKills() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/store"
            let store = try await WatchStore.open(path)
            try await store.put("first", "1")
            try await store.close()
            var seen: [Revision] = []
            for round in 0..<6 {
                let follower = try ChildProcess(built: "CrashWriter", ["follow", path, String((seen.last ?? 0) + 1)])
                let writer = try ChildProcess(built: "CrashWriter", ["write", path, String(round), "sync"])
                let wanted = seen.count + 150
                for await line in follower.lines {
                    let words = line.split(separator: " ")
                    try #require(words.first == "event", "round \(round): \(line)")
                    let revision = Revision(words[1])!
                    if revision != seen.last { seen.append(revision) }
                    if seen.count >= wanted, round % 2 == 0 { writer.kill() }
                    if seen.count >= wanted + 50 || (seen.count >= wanted && round % 2 == 1) { break }
                    // With the writer gone there may be nothing more to come.
                    if seen.count >= wanted, round % 2 == 0 { break }
                }
                follower.kill()
                writer.kill()
                _ = await follower.status()
                _ = await writer.status()
            }
            #expect(seen == Array(1...Revision(seen.count)))
        }
    }
}
