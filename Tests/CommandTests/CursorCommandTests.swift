import ChildProcess
import Foundation
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct CursorCommandTests {
    private func withTen(_ body: (Command) async throws -> Void) async throws {
        try await withCommand { vigil in
            let lines = (1...10).map { #"{"key":"k\#($0)","value":"\#($0)"}"# }
            _ = try await vigil("import", "-", "--batch", "1", input: lines.joined(separator: "\n"))
            try await body(vigil)
        }
    }

    @Test func setShowListAndRemove() async throws {
        try await withTen { vigil in
            #expect(try await vigil("cursor", "ls").lines == [])
            #expect(try await vigil("cursor", "show", "c").status == 1)
            #expect(try await vigil("cursor", "rm", "c").status == 1)
            let head = try #require(try await vigil("stat", "--json").json.first?["head"] as? Int)
            #expect(try await vigil("cursor", "set", "c", "\(head - 3)").status == 0)
            let shown = try await vigil("cursor", "show", "c", "--json").json.first
            #expect(shown?["acknowledged"] as? Int == head - 3 && shown?["lag_revisions"] as? Int == 3)
            #expect((shown?["lag_bytes"] as? Int ?? 0) > 0 && shown?["failed"] as? Bool == false)
            _ = try await vigil(
                "cursor", "set", "c", "--hold-revisions", "5", "--hold-seconds", "60", "--then", "fail")
            let table = try await vigil("cursor", "show", "c").lines
            #expect(table.contains("holds         up to 5 revisions, 60.0 s, then fail"), "\(table)")
            #expect(try await vigil("cursor", "ls", "--json").json.first?["hold"] != nil)
            let line = try await vigil("cursor", "ls").lines.first
            #expect(line?.contains("c  3 revisions, ") == true, "\(line ?? "")")
            #expect(
                try await vigil("cursor", "set", "c", "now", "--no-hold").lines.first?.hasSuffix("up to date") == true)
            #expect(try await vigil("cursor", "rm", "c").status == 0)
            #expect(try await vigil("cursor", "ls").lines == [])
        }
    }

    @Test func wrongUseIsSaid() async throws {
        try await withTen { vigil async throws in
            #expect(try await vigil("cursor", "set", "c").status == 2)
            #expect(try await vigil("cursor", "set", "c", "x").status == 2)
            #expect(try await vigil("cursor", "set", "c", "--then", "fail").status == 2)
            #expect(try await vigil("cursor", "set", "c", "now", "--hold-bytes", "0").status == 2)
            #expect(try await vigil("cursor", "set", "", "now").status == 2)
            #expect(try await vigil("cursor", "set", "c", "9999").status == 3)
            #expect(try await vigil("cursor", "set", "none", "--hold-bytes", "9").status == 1)
        }
    }

    @Test func aHeldRevisionIsNotCompactedUnlessForced() async throws {
        try await withTen { vigil in
            _ = try await vigil("cursor", "set", "c", "2", "--hold-revisions", "100")
            let refused = try await vigil("compact", "9", "--json")
            #expect(refused.status == 3 && refused.errors.contains(#""error":"held""#), "\(refused.errors)")
            #expect(try await vigil("compact", "9", "--force").status == 0)
            #expect(try await vigil("cursor", "ls").lines.first?.hasSuffix("compacted") == true)
        }
    }

    @Test func aWatchGoesOnWhereItsCursorIs() async throws {
        try await withTen { vigil in
            let first = try await vigil("watch", "", "--prefix", "--cursor", "c", "--until", "4", "--json")
            #expect(first.json.compactMap { $0["revision"] as? Int }.filter { $0 <= 4 }.count >= 4)
            #expect(first.errors.contains("resume with --cursor c"))
            let rest = try await vigil("watch", "", "--prefix", "--cursor", "c", "--until", "head", "--json")
            #expect(rest.json.first { $0["type"] as? String == "put" }?["revision"] as? Int == 5)
            #expect(try await vigil("cursor", "ls").lines.first?.hasSuffix("up to date") == true)
        }
    }

    /// Beside a process that writes, and killed: what was printed and not acknowledged comes again, nothing is left out.
    @Test func aKilledWatchGoesOnBesideAWriter() async throws {
        try await withTen { vigil in
            let writer = try ChildProcess(built: "CrashWriter", ["write", vigil.data, "1", "sync"])
            var written = writer.lines.makeAsyncIterator()
            _ = await written.next()
            var last = 0
            for round in 1...3 {
                let watch = try vigil.start(
                    "watch", "", "--prefix", "--cursor", "c", "--from", "now", "--json")
                var seen = 0
                for await line in watch.lines {
                    guard let event = Command.object(line), event["type"] as? String != "progress",
                        let revision = event["revision"] as? Int
                    else { continue }
                    #expect(last == 0 || revision <= last + 1, "round \(round): \(revision) after \(last)")
                    last = max(last, revision)
                    seen += 1
                    if seen > 100 * round { watch.kill() }
                }
                _ = await watch.status()
            }
            writer.kill()
            while await written.next() != nil {}
            #expect(try await vigil("check", "--deep").status == 0)
        }
    }
}
