import Foundation
import Peers
import Testing

/// Every server that is installed here, asked for the same through its client. Without any, there is nothing to test.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct PeersTests {
    @Test(arguments: installedPeers().map(Installed.init))
    func `puts come to watches, once and in order`(_ installed: Installed) async throws {
        try await withPeer(installed.server) { running in
            let client = try await running.connect(connections: 2)
            var revisions = try await putAll(client)
            #expect(Set(revisions.values).count == revisions.count)

            // What was, from the first revision on: all of a prefix, everything, one key.
            let first = try #require(revisions.values.min())
            for prefix in ["a/", "", "b/7"] {
                let expected = revisions.filter { prefix == "b/7" ? $0.key == prefix : $0.key.hasPrefix(prefix) }
                let watch = try await Recorder(client, prefix, from: first)
                let events = await watch.next(expected.count)
                #expect(events == expected.map { Event($1, $0) }.sorted { $0.revision < $1.revision })

                // What comes: the next event is this, and nothing that came before or does not match.
                if !prefix.isEmpty { revisions["c"] = try await client.put("c", [1]) }
                let key = prefix == "b/7" ? prefix : prefix + "live"
                let revision = try await client.put(key, [])
                #expect(await watch.next(1) == [Event(revision, key)])
                revisions[key] = revision
                await watch.cancel()
            }
            await client.close()
        }
    }

    @Test(arguments: installedPeers().map(Installed.init))
    func `a watch from now on begins with the next put`(_ installed: Installed) async throws {
        try await withPeer(installed.server) { running in
            let client = try await running.connect(connections: 1)
            for number in 0..<10 { _ = try await client.put("a/\(number)", [1]) }
            let watch = try await Recorder(client, "a/", from: nil)
            let revision = try await client.put("a/live.key", Array(repeating: 7, count: 100_000))
            #expect(await watch.next(1) == [Event(revision, "a/live.key")])
            await watch.cancel()

            // More than there are bytes in any window or buffer on the way.
            try await withThrowingTaskGroup { group in
                for number in 0..<400 {
                    group.addTask { _ = try await client.put("b/\(number)", Array(repeating: 7, count: 100_000)) }
                }
                try await group.waitForAll()
            }
            let replay = try await Recorder(client, "b/", from: 1)
            #expect(Set(await replay.next(400).map(\.key)).count == 400)
            await client.close()
        }
    }

    /// 100 keys by 10 tasks at once: the revision of each.
    private func putAll(_ client: any PeerClient) async throws -> [String: Int64] {
        try await withThrowingTaskGroup(of: [(String, Int64)].self) { group in
            for task in 0..<10 {
                group.addTask {
                    var revisions: [(String, Int64)] = []
                    for number in 0..<10 {
                        let key = "\(number < 5 ? "a" : "b")/\(task * 10 + number)"
                        revisions.append((key, try await client.put(key, Array("value".utf8))))
                    }
                    return revisions
                }
            }
            return try await group.reduce(into: [:]) { all, some in
                all.merge(some) { _, last in last }
            }
        }
    }
}
