import ChildProcess
import Foundation
import TestSupport
import Testing

@Suite struct ImportTests {
    @Test func importsWhatExportWrites() async throws {
        try await withCommand { vigil in
            let lines = #"""
                {"key":"a","value":"1"}
                {"key":"b","value":"line\nend \"quoted\" é"}
                {"key":"gone","value":"x"}
                {"key":"gone","delete":true}
                {"key_base64":"/w==","value_base64":"AAH/"}
                """#
            let outcome = try await vigil("import", "-", "--json", input: lines)
            #expect(outcome.json.first?["revisions"] as? Int == 5)
            let exported = try await vigil("export").lines
            #expect(exported.count == 3)
            #expect(exported.last == #"{"key_base64":"/w==","value_base64":"AAH/"}"#)
            let file = try vigil.file("export.jsonl", exported.joined(separator: "\n"))
            let copy = vigil.directory + "/copy"
            #expect(try await vigil("import", file, "--data", copy).status == 0)
            #expect(try await vigil("export", "--data", copy).lines == exported)
        }
    }

    @Test func batchesAreRevisions() async throws {
        try await withCommand { vigil in
            let lines = (1...10).map { #"{"key":"k\#($0)","value":"v"}"# } + [#"{"key":"k10","value":"again"}"#]
            _ = try await vigil("import", "-", "--batch", "4", input: lines.joined(separator: "\n"))
            #expect(try await vigil("stat", "--json").json.first?["head"] as? Int == 4)
            #expect(try await vigil("get", "k10").lines == ["again"])
        }
    }

    @Test(arguments: [
        "{bad", "[]", #"{"key":1,"value":"x"}"#, #"{"value":"x"}"#, #"{"key":"","value":"x"}"#, #"{"key":"k"}"#,
        #"{"key":"k","value":"x","delete":true}"#, #"{"key":"k","delete":"yes"}"#, #"{"key_base64":"!","value":""}"#,
        #"{"key":"k","delete":1}"#, #"{"key":"a","key":"b","value":"x"}"#, #"{"key":"k","\u006bey":"b","value":"x"}"#,
        #"{"key":"a","key_base64":"YQ==","value":"x"}"#,
    ])
    func aWrongLineIsNamedAndNothingIsHalfDone(_ line: String) async throws {
        try await withCommand { vigil in
            let good = #"{"key":"good","value":"1"}"#
            let file = try vigil.file("input", [good, "", line, good].joined(separator: "\n"))
            for source in [file, "-"] {
                let input = source == "-" ? [good, "", line, good].joined(separator: "\n") : nil
                let outcome = try await vigil("import", source, input: input)
                #expect(outcome.status == 2)
                #expect(outcome.errors.contains("line 3"), "\(outcome.errors)")
                #expect(try await vigil("get", "good").lines.isEmpty)
            }
        }
    }

    @Test func afterManyLinesTheMessageSaysWhatWasDone() async throws {
        try await withCommand { vigil in
            let lines = (1...600).map { #"{"key":"k\#($0)","value":"v"}"# } + ["{bad"]
            let outcome = try await vigil("import", "-", input: lines.joined(separator: "\n"))
            #expect(outcome.status == 2)
            #expect(outcome.errors.contains("line 601"), "\(outcome.errors)")
            // How many of them came before the reader had to wait is up to the pipe.
            let done = try #require(outcome.errors.firstMatch(of: /through line ([0-9]+)/).flatMap { Int($0.1) })
            #expect(try await vigil("stat", "--json").json.first?["head"] as? Int == done)
        }
    }

    @Test func fieldsOfInnerObjectsDoNotCount() async throws {
        try await withCommand { vigil in
            let line =
                #"{"note":{"key":"\":","value":[{"a":1}]},"key":"k\\","value":"{\"a\":1,\"a\":2}","delete":false}"#
            let outcome = try await vigil("import", "-", input: line)
            #expect(outcome.status == 0)
            #expect(try await vigil("get", "k\\").lines == [#"{"a":1,"a":2}"#])
        }
    }

    @Test(.timeLimit(.minutes(1))) func whatCameIsImportedWhileTheRestIsAwaited() async throws {
        try await withCommand { vigil in
            let rest = vigil.directory + "/rest"
            try #require(mkfifo(rest, 0o600) == 0)
            _ = try await vigil("put", "first", "0")
            let watch = try vigil.start("watch", "", "--prefix", "--from", "2", "--json")
            var events = watch.lines.filter { Command.object($0)?["key"] != nil }.makeAsyncIterator()
            // Three lines, of which two are a revision, and then nothing until the pipe is written to.
            let lines = ["a", "b", "c"].map { #"{"key":"\#($0)","value":"1"}"# }
            let importer = try vigil.start(
                program: "/bin/sh", "-c", #"{ printf '%s\n' "$2" "$3" "$4"; cat "$1"; } | "$0" import - --batch 2"#,
                ChildProcess.path(of: "vigil"), rest, lines[0], lines[1], lines[2])
            let first = [await events.next(), await events.next()]
            #expect(first.map { Command.object($0 ?? "")?["key"] as? String } == ["a", "b"])
            let end = try ChildProcess("/bin/sh", ["-c", #": > "$0""#, rest])
            #expect(await end.status() == 0)
            #expect(await importer.status() == 0)
            #expect(Command.object(await events.next() ?? "")?["key"] as? String == "c")
            watch.interrupt()
            #expect(await watch.status() == 0)
        }
    }
}

/// History out and in.
@Suite struct HistoryExportTests {
    private static let lines = [
        #"{"revision":1,"key":"a","value":"1"}"#, #"{"revision":2,"key":"a","value":"2"}"#,
        #"{"revision":2,"key_base64":"/w==","value_base64":"AAH/"}"#, #"{"revision":3,"key":"a","delete":true}"#,
        #"{"revision":3,"key":"b","value":"3"}"#, #"{"revision":4,"key":"a","value":"4"}"#,
    ]

    @Test func historyIsReplayedRevisionByRevision() async throws {
        try await withCommand { vigil in
            let outcome = try await vigil("import", "-", "--json", input: Self.lines.joined(separator: "\n"))
            #expect(outcome.json.first?["revisions"] as? Int == 4)
            #expect(outcome.json.first?["lines"] as? Int == 6)
            #expect(try await vigil("export", "--from", "1").lines == Self.lines)
            #expect(try await vigil("export", "--to", "2").lines == Array(Self.lines[..<3]))
            #expect(
                try await vigil("export", "--from", "2", "--to", "3", "--prefix", "a").lines == [
                    Self.lines[1], Self.lines[3],
                ])
            #expect(try await vigil("export", "--at", "2").lines.count == 2)
            let file = try vigil.file("history", try await vigil("export", "--from", "1").lines.joined(separator: "\n"))
            let copy = vigil.directory + "/copy"
            #expect(try await vigil("import", file, "--data", copy).status == 0)
            #expect(try await vigil("log", "--data", copy, "--json").json.count == 6)
            #expect(try await vigil("export", "--from", "1", "--data", copy).lines == Self.lines)
        }
    }

    @Test func aStretchOfAHistory() async throws {
        try await withCommand { vigil in
            let file = try vigil.file("history", Self.lines.joined(separator: "\n"))
            #expect(try await vigil("import", file, "--from", "2", "--to", "3").status == 0)
            #expect(try await vigil("export", "--from", "1").lines.count == 4)
            #expect(try await vigil("stat", "--json").json.first?["head"] as? Int == 2)
            let future = try await vigil("export", "--to", "9")
            #expect(future.status == 3 && future.errors.contains("revision 9"))
            _ = try await vigil("compact", "2")
            let gone = try await vigil("export", "--from", "1")
            #expect(gone.status == 3 && gone.errors.contains("earliest available is 2"), "\(gone.errors)")
        }
    }

    @Test(arguments: [
        [#"{"revision":0,"key":"a","value":"1"}"#], [#"{"revision":"1","key":"a","value":"1"}"#],
        [#"{"revision":1.5,"key":"a","value":"1"}"#], [#"{"revision":true,"key":"a","value":"1"}"#],
        [lines[3], lines[0]], [lines[0], lines[0]], [lines[0], #"{"key":"b","value":"1"}"#],
        [#"{"key":"b","value":"1"}"#, lines[0]],
    ])
    func wrongHistoryIsNamedAndNotImported(_ wrong: [String]) async throws {
        try await withCommand { vigil in
            let outcome = try await vigil("import", try vigil.file("history", wrong.joined(separator: "\n")))
            #expect(outcome.status == 2 && outcome.errors.contains("line \(wrong.count)"), "\(outcome.errors)")
            #expect(!FileManager.default.fileExists(atPath: vigil.data))
        }
    }

    @Test func optionsThatDoNotFit() async throws {
        try await withCommand { vigil in
            let history = try vigil.file("history", Self.lines[0])
            let plain = try vigil.file("plain", #"{"key":"b","value":"1"}"#)
            #expect(try await vigil("import", history, "--batch", "2").status == 2)
            #expect(try await vigil("import", plain, "--from", "2").status == 2)
            #expect(try await vigil("import", plain, "--from", "3", "--to", "2").status == 2)
            #expect(try await vigil("export", "--at", "1", "--from", "1").status == 2)
        }
    }
}
