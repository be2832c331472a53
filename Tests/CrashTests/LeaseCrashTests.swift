import ChildProcess
import Foundation
import TestSupport
import Testing
import Vigil

/// A process that grants and revokes leases is killed: what was granted is there, what was revoked is gone, with its keys,
/// and no key outlives its lease.
@Suite(.timeLimit(.minutes(5))) struct LeaseCrashTests {
    /// None: at some moment.
    @Test(
        arguments: [
            nil, "leaseWritten:1", "leaseWritten:6", "leaseCommitted:2", "leaseCommitted:9", "frameFlushed:30",
        ],
        ["sync", "interval"])
    func grantsAndRevocationsHold(_ failpoint: String?, _ level: String) async throws {
        // At `.interval` nobody flushes in between.
        if failpoint == "frameFlushed:30", level == "interval" { return }
        try await withTemporaryDirectory { directory in
            let path = directory + "/store"
            var first: Int64 = 1
            for round in 0..<3 {
                let place: Comment = "\(failpoint ?? "at random"), \(level), round \(round)"
                let writer = try ChildProcess(
                    built: "CrashWriter", ["leases", path, "\(first)", level],
                    environment: failpoint.map { ["VIGIL_FAILPOINT": $0] } ?? [:])
                var said: [String: Set<Int64>] = [:]
                var lines = 0
                for await line in writer.lines {
                    let words = line.split(separator: " ")
                    let id = try #require(words.count == 2 ? Int64(words[1]) : nil, "\(line); \(place)")
                    said[String(words[0]), default: []].insert(id)
                    lines += 1
                    if failpoint == nil, lines > 60 * round + 20 { writer.kill() }
                }
                #expect(await writer.status() == -SIGKILL, place)
                try await verify(path, said, place)
                first += 1000
            }
        }
    }

    private func verify(_ path: String, _ said: [String: Set<Int64>], _ place: Comment) async throws {
        let store = try await WatchStore.open(path)
        let leases = Set(try store.leases().map(\.id))
        for id in said["granted"] ?? [] where said["revoking"]?.contains(id) != true {
            #expect(leases.contains(id), place)
        }
        for id in said["put"] ?? [] where said["revoking"]?.contains(id) != true {
            #expect(try store.keys(ofLease: id) == [Bytes("\(id)/a"), Bytes("\(id)/b")], place)
        }
        for id in said["revoked"] ?? [] {
            #expect(!leases.contains(id), place)
            #expect(try store.range(.prefix(Bytes("\(id)/"))).keyValues.isEmpty, place)
        }
        for keyValue in try store.range(.all).keyValues { #expect(leases.contains(keyValue.lease), place) }
        #expect(try store.check(deep: true).problems == [], place)
        try await store.close()
    }
}
