import ChildProcess
import Foundation
import TestSupport
import Testing
import Vigil

/// A process that deletes ranges which find no room in a segment of the journal is killed: each is there as a whole, or
/// not at all.
@Suite(.timeLimit(.minutes(5))) struct LargeRevisionCrashTests {
    /// None: at some moment.
    @Test(
        arguments: [
            nil, "segmentFilled:4", "segmentNamed:5", "segmentTurned:7", "frameWritten:45", "frameWritten:88",
            "checkpointLogWritten:3", "checkpointCommitted:4",
        ],
        ["sync", "interval"])
    func rangesAreDeletedOrNot(_ failpoint: String?, _ level: String) async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/store"
            for round in 0..<3 {
                let place: Comment = "\(failpoint ?? "at random"), \(level), round \(round)"
                let writer = try ChildProcess(
                    built: "CrashWriter", ["deletes", path, "\(round)", level],
                    environment: failpoint.map { ["VIGIL_FAILPOINT": $0] } ?? [:])
                var said: [(revision: Revision, count: Int, isDelete: Bool)] = []
                for await line in writer.lines {
                    let words = line.split(separator: " ")
                    try #require(words.count == 3, "\(line); \(place)")
                    said.append((Revision(words[1])!, Int(words[2])!, words[0] == "deleted"))
                    if failpoint == nil, said.count == 5 + 3 * round { writer.kill() }
                }
                #expect(await writer.status() == -SIGKILL, place)
                try await verify(path, said.filter(\.isDelete).map { ($0.revision, $0.count) }, place)
            }
        }
    }

    private func verify(
        _ path: String, _ deleted: [(revision: Revision, count: Int)], _ place: Comment
    ) async throws {
        let store = try await WatchStore.open(path)
        var present: Set<Bytes> = []
        var counts: [Revision: Int] = [:]
        var next: Revision? = store.earliest
        while let revision = next {
            let page = try store.log(from: revision)
            for update in page.updates {
                let keys = update.map(\.key)
                if update.events[0].type == .put {
                    #expect(keys.count == 20, place)
                    present.formUnion(keys)
                } else {
                    #expect(keys == present.sorted(), place)
                    present = []
                    counts[update.revision] = keys.count
                }
            }
            next = page.next
        }
        for (revision, count) in deleted { #expect(counts[revision] == count, place) }
        #expect(Set(try store.range(.all).keyValues.map(\.key)) == present, place)
        #expect(try store.check(deep: true).problems == [], place)
        try await store.close()
    }
}
