import ChildProcess
import Foundation
import TestSupport
import Testing
import Vigil

/// A process that reads from a cursor is killed while it acknowledges: the cursor is nowhere beyond what was handled,
/// not before what was acknowledged durably, and the next watch sees everything after it.
@Suite(.timeLimit(.minutes(5))) struct CursorCrashTests {
    /// None: at some moment, after so many elements.
    @Test(arguments: [
        nil, "cursorWritten:1", "cursorCommitted:1", "cursorWritten:4", "cursorCommitted:4", "checkpointCommitted:3",
        "frameFlushed:50",
    ])
    func nothingIsSkipped(_ failpoint: String?) async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/store"
            var position: Revision = 0
            for round in 0..<4 {
                let place: Comment = "\(failpoint ?? "at random"), round \(round)"
                let writer = try ChildProcess(
                    built: "CrashWriter", ["cursor", path, "\(round)"],
                    environment: failpoint.map { ["VIGIL_FAILPOINT": $0] } ?? [:])
                var trace = CursorTrace(from: position)
                for await line in writer.lines {
                    try trace.add(line, place)
                    if failpoint == nil, trace.count > 100 * round + 30 { writer.kill() }
                }
                #expect(await writer.status() == -SIGKILL, place)
                let store = try await WatchStore.open(path)
                let cursor = try store.cursor("reader")
                // It is stored before the first element is delivered.
                #expect(cursor != nil || trace.count == 0, place)
                position = cursor?.acknowledged ?? 0
                #expect(position >= trace.durable, place)
                #expect(position <= max(trace.delivered, trace.begin), place)
                #expect(try store.check(deep: true).problems == [], place)
                try await store.close()
            }
            #expect(position > 0 || failpoint?.hasSuffix(":1") == true)
        }
    }
}

/// What one run has printed.
private struct CursorTrace {
    let begin: Revision
    var delivered: Revision
    var durable: Revision = 0
    var count = 0

    init(from begin: Revision) {
        self.begin = begin
        delivered = begin
    }

    mutating func add(_ line: String, _ place: Comment) throws {
        let words = line.split(separator: " ")
        let revision = try #require(words.count == 2 ? Revision(words[1]) : nil, "\(line); \(place)")
        switch words[0] {
        case "read":
            // The first is the one after the cursor, and none is left out after that.
            #expect(revision == delivered + 1, place)
            delivered = revision
            count += 1
        case "passed":
            #expect(revision >= delivered, place)
            delivered = revision
        default: durable = max(durable, revision)
        }
    }
}
