import ChildProcess
import Foundation
import Testing

@Suite struct WatchCommandTests {
    @Test func untilHeadEndsByItself() async throws {
        try await withCommand { vigil in
            for (key, value) in [("a", "1"), ("b", "2"), ("a", "3")] { _ = try await vigil("put", key, value) }
            let all = try await vigil("watch", "", "--prefix", "--from", "earliest", "--until", "head")
            #expect(all.lines == ["       1  put     a = 1", "       2  put     b = 2", "       3  put     a = 3"])
            #expect(all.errors.contains("resume with --from 4"))
            let some = try await vigil("watch", "a", "--from", "2", "--until", "head", "--prev", "--json")
            #expect(
                some.lines.first
                    == #"{"revision":3,"type":"put","key":"a","value":"3","create_revision":1,"mod_revision":3,"version":2,"prev_value":"1"}"#
            )
            let first = try await vigil("watch", "a", "--range-end", "c", "--from", "1", "--until", "2", "--json")
            #expect(first.json.compactMap { $0["key"] as? String } == ["a", "b"])
            let state = try await vigil("watch", "", "--prefix", "--from", "snapshot", "--until", "head", "--json")
            #expect(state.json.compactMap { $0["type"] as? String }.prefix(3) == ["put", "put", "synced"])
        }
    }

    @Test func followsAnotherProcessAndEndsOnCtrlC() async throws {
        try await withCommand { vigil in
            _ = try await vigil("put", "first", "0")
            let watch = try vigil.start("watch", "k/", "--prefix", "--from", "earliest", "--json")
            var seen: [String] = []
            var lines = watch.lines.makeAsyncIterator()
            // The catch-up is over when its progress comes; what follows is live.
            while let line = await lines.next(), Command.object(line)?["type"] as? String != "progress" {}
            for index in 1...5 {
                _ = try await vigil("put", "k/\(index)", "v")
                if let line = await lines.next() { seen.append(line) }
            }
            #expect(seen.compactMap { Command.object($0)?["key"] as? String } == (1...5).map { "k/\($0)" })
            watch.interrupt()
            while await lines.next() != nil {}
            #expect(await watch.status() == 0)
        }
    }

    @Test func saysSoWhenTheStoreIsGone() async throws {
        try await withCommand { vigil in
            _ = try await vigil("put", "k", "1")
            let watch = try vigil.start("watch", "k", "--from", "1", "--json")
            var lines = watch.lines.makeAsyncIterator()
            #expect(await lines.next() != nil)
            try FileManager.default.removeItem(atPath: vigil.data)
            while await lines.next() != nil {}
            #expect(await watch.status() == 3)
        }
    }

    /// What a writer changes an older store to may have databases that the watch has not opened.
    @Test func saysSoWhenTheFormatChanges() async throws {
        try await withCommand { vigil in
            let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .appendingPathComponent("RevisionLogTests/Fixtures/format-3-leases")
            try FileManager.default.copyItem(atPath: fixture.path, toPath: vigil.data)
            let watch = try vigil.start("watch", "", "--prefix", "--from", "earliest", "--json")
            var lines = watch.lines.makeAsyncIterator()
            while let line = await lines.next(), Command.object(line)?["type"] as? String != "progress" {}
            let longKey = String(repeating: "k", count: 600)
            #expect(try await vigil("put", longKey, "1").status == 0)
            while let line = await lines.next() { Issue.record("after the change it printed \(line)") }
            #expect(await watch.status() == 3)
            let said = try String(contentsOfFile: vigil.backgroundErrors, encoding: .utf8)
            #expect(said.contains("from format version 3 to 5") && said.contains("open it again"), "\(said)")
            let again = try await vigil("watch", longKey, "--from", "earliest", "--until", "head", "--json")
            #expect(again.json.compactMap { $0["key"] as? String } == [longKey])
        }
    }

    @Test func aKilledWatchResumesWhereItWas() async throws {
        try await withCommand { vigil in
            let lines = (1...500).map { #"{"key":"k\#($0 % 20)","value":"\#($0)"}"# }
            _ = try await vigil("import", "-", input: lines.joined(separator: "\n"))
            var revisions: [Int] = []
            let first = try vigil.start("watch", "", "--prefix", "--from", "earliest", "--json")
            for await line in first.lines {
                if let revision = Command.object(line)?["mod_revision"] as? Int { revisions.append(revision) }
                if revisions.count >= 123 { break }
            }
            first.kill()
            _ = await first.status()
            let next = String(revisions.count + 1)
            let rest = try await vigil("watch", "", "--prefix", "--from", next, "--until", "head", "--json")
            revisions += rest.json.compactMap { $0["mod_revision"] as? Int }
            #expect(revisions == Array(1...500))
        }
    }

    @Test func runsACommandForEachEvent() async throws {
        try await withCommand { vigil in
            _ = try await vigil("put", "a", "1")
            _ = try await vigil("del", "a")
            let outcome = try await vigil(
                "watch", "a", "--from", "1", "--until", "head", "--", "/bin/sh", "-c",
                "read event; echo \"$VIGIL_REVISION $VIGIL_TYPE $VIGIL_KEY=$VIGIL_VALUE $event\"")
            #expect(
                outcome.lines == [
                    #"1 put a=1 {"revision":1,"type":"put","key":"a","value":"1","create_revision":1,"mod_revision":1,"version":1}"#,
                    #"2 delete a= {"revision":2,"type":"delete","key":"a","mod_revision":2}"#,
                ])
            let missing = try await vigil("watch", "a", "--from", "1", "--until", "head", "--", "/no/such/program")
            #expect(missing.status == 2 && missing.errors.contains("/no/such/program"))
            // What no command has handled comes again.
            #expect(missing.errors.contains("resume with --from 1"))
            _ = try await vigil("put", "b", "1")
            let state = try await vigil("watch", "", "--prefix", "--from", "snapshot", "--", "/no/such/program")
            #expect(state.status == 2 && state.errors.contains("resume with --from snapshot"))
        }
    }

    @Test func aCommandIsHandedWhatNoVariableHolds() async throws {
        try await withCommand { vigil in
            let large = String(repeating: "x", count: 200_000)
            let lines = [large, #"a\u0000b"#, "y"].map { #"{"key":"k","value":"\#($0)"}"# }
            _ = try await vigil("import", "-", input: lines.joined(separator: "\n"))
            let outcome = try await vigil(
                "watch", "k", "--from", "1", "--until", "head", "--", "/bin/sh", "-c",
                #"printf '%s %s ' "$VIGIL_REVISION" "${VIGIL_VALUE-unset}"; wc -c"#)
            #expect(outcome.status == 0)
            let fields = outcome.lines.map { $0.split(separator: " ").map(String.init) }
            #expect(fields.map { $0.prefix(2) } == [["1", "unset"], ["2", "unset"], ["3", "y"]])
            #expect(fields.first.flatMap { Int($0[2]) }.map { $0 > large.utf8.count } == true)
        }
    }

    @Test func whatACommandPrintsLastNeedsNoLineEnd() async throws {
        try await withCommand { vigil in
            _ = try await vigil("put", "a", "1")
            _ = try await vigil("put", "a", "2")
            let outcome = try await vigil(
                "watch", "a", "--from", "1", "--until", "head", "--", "/bin/sh", "-c", "printf 'x\n%s' $VIGIL_VALUE")
            #expect(outcome.lines == ["x", "1", "x", "2"])
        }
    }

    @Test func anEventAfterTheEndIsNotCounted() async throws {
        try await withCommand { vigil in
            for key in ["a", "b", "b", "a"] { _ = try await vigil("put", key, "1") }
            let outcome = try await vigil("watch", "a", "--from", "1", "--until", "2")
            #expect(outcome.lines.count == 1)
            #expect(outcome.errors.contains("resume with --from 3"))
        }
    }

    @Test func aCompactedStartSaysWhatThereIs() async throws {
        try await withCommand { vigil in
            for index in 1...5 { _ = try await vigil("put", "a", "\(index)") }
            _ = try await vigil("compact", "4")
            let outcome = try await vigil("watch", "a", "--from", "2", "--until", "head")
            #expect(outcome.status == 3 && outcome.errors.contains("earliest available is 4"))
            #expect(outcome.errors.contains("resume with --from 4"))
            #expect(try await vigil("watch", "a", "--from", "99", "--until", "head").lines.isEmpty)
            #expect(try await vigil("watch", "a", "--from", "4", "--until", "head").lines.count == 2)
        }
    }

    @Test func aFutureEndOfAQuietKeyIsReached() async throws {
        try await withCommand { vigil in
            _ = try await vigil("put", "a", "1")
            let watch = try vigil.start("watch", "quiet", "--until", "3")
            _ = try await vigil("put", "a", "2")
            _ = try await vigil("put", "a", "3")
            #expect(await watch.status() == 0)
        }
    }
}
