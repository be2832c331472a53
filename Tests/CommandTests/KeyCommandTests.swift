import ChildProcess
import TestSupport
import Testing

/// `put get del ls history log show`, as a user runs them.
@Suite struct KeyCommandTests {
    @Test func putGetDelete() async throws {
        try await withCommand { vigil in
            #expect(try await vigil("put", "a", "1").lines == ["revision 1"])
            #expect(try await vigil("put", "a", "-", input: "two\nlines").lines == ["revision 2"])
            #expect(try await vigil("get", "a").lines == ["two", "lines"])
            #expect(try await vigil("get", "a", "--at", "1").lines == ["1"])
            #expect(try await vigil("del", "a").lines == ["revision 3, deleted 1"])
            let gone = try await vigil("get", "a")
            #expect(gone.status == 1 && gone.lines.isEmpty && gone.errors.isEmpty)
            #expect(try await vigil("del", "a").status == 1)
            #expect(try await vigil("get", "a", "--at", "2").lines == ["two", "lines"])
        }
    }

    @Test func everyCommandHasJSON() async throws {
        try await withCommand { vigil in
            #expect(try await vigil("put", "a", "1", "--json").json.first?["revision"] as? Int == 1)
            #expect(try await vigil("put", "a", "2", "--json").json.first?["revision"] as? Int == 2)
            let found = try await vigil("get", "a", "--json").lines
            #expect(found == [#"{"key":"a","value":"2","create_revision":1,"mod_revision":2,"version":2}"#])
            let logged = try await vigil("log", "--json").json
            #expect(logged.map { $0["revision"] as? Int } == [1, 2])
            let history = try await vigil("history", "a", "--json").lines
            #expect(
                history.first
                    == #"{"revision":2,"type":"put","key":"a","value":"2","create_revision":1,"mod_revision":2,"version":2}"#
            )
            let shown = try #require(try await vigil("show", "2", "--json").json.first)
            #expect((shown["block"] as? [String: Any])?["codec"] as? String == "raw")
            let statistics = try #require(try await vigil("stat", "--json").json.first)
            for name in ["head", "earliest", "compacted", "keys", "log_bytes", "log_raw_bytes", "file_bytes"] {
                #expect(statistics[name] is Int, "\(name)")
            }
            #expect(try await vigil("check", "--deep", "--json").json.first?["clean"] as? Bool == true)
            #expect(try await vigil("compact", "2", "--json").json.first?["compacted"] as? Int == 2)
            #expect(try await vigil("del", "a", "--json").json.first?["deleted"] as? Int == 1)
        }
    }

    @Test func listsWithLimitsAndAtRevisions() async throws {
        try await withCommand { vigil in
            for (key, value) in [("a/1", "x"), ("a/2", "y"), ("b", "z"), ("a/1", "changed")] {
                _ = try await vigil("put", key, value)
            }
            #expect(try await vigil("ls", "a/").lines == ["       4  a/1 = changed", "       2  a/2 = y"])
            #expect(try await vigil("ls", "a/", "--at", "2").lines == ["       1  a/1 = x", "       2  a/2 = y"])
            #expect(try await vigil("ls", "--limit", "1", "--keys-only").lines == ["       4  a/1"])
            #expect(try await vigil("del", "a/", "--prefix").lines == ["revision 5, deleted 2"])
            #expect(try await vigil("ls", "--keys-only", "--json").json.map { $0["key"] as? String } == ["b"])
        }
    }

    @Test func historyShowsDifferences() async throws {
        try await withCommand { vigil in
            _ = try await vigil("put", "f", "-", input: "one\ntwo")
            _ = try await vigil("put", "f", "-", input: "one\nthree")
            let lines = try await vigil("history", "f", "--diff").lines
            #expect(lines.prefix(4) == ["revision 2  put, version 2", "   one", "  -two", "  +three"])
            #expect(try await vigil("history", "nothing").status == 1)
        }
    }

    @Test func differencesAreThoseOfTheBytes() async throws {
        try await withCommand { vigil in
            // Texts that are equal as Swift compares them, and a line end that is one character.
            for value in ["e\u{301}\r\nsame\u{1B}", "\u{E9}\r\nsame\u{1B}"] {
                _ = try await vigil("put", "f", "-", input: value)
            }
            let lines = try await vigil("history", "f", "--diff").lines
            let expected = ["  -e\u{301}\\r", "  +\u{E9}\\r", "   same\\u{1b}"]
            #expect(lines.dropFirst().prefix(3).map { Array($0.utf8) } == expected.map { Array($0.utf8) })
        }
    }

    @Test func argumentsAreBytes() async throws {
        try await withCommand { vigil in
            let put = try await shell(vigil, #""$1" put "$k" "$v""#)
            #expect(put == ["revision 1", "0"])
            #expect(try await shell(vigil, #""$1" get "$k" | od -An -tx1"#) == [" 76 fe 0a", "0"])
            #expect(try await shell(vigil, #""$1" ls "$k" --keys-only"#) == ["       1  k\\xff", "0"])
            #expect(try await vigil("get", "k\u{FFFD}").status == 1, "the repaired text is another key")
            // Which is which could not be told.
            #expect(try await shell(vigil, #""$1" put "$k" "$(printf 'k\376')""#) == ["2"])
            #expect(try await shell(vigil, #""$1" del "$k""#) == ["revision 2, deleted 1", "0"])
        }
    }

    @Test func logIsFilteredAndLimited() async throws {
        try await withCommand { vigil in
            for key in ["a/1", "b", "a/2", "a/3"] { _ = try await vigil("put", key, "v") }
            let keys = try await vigil("log", "--prefix", "a/", "--from", "2", "--limit", "1", "--json").json
            #expect(keys.map { $0["key"] as? String } == ["a/2"])
            #expect(try await vigil("log", "--to", "2").lines.count == 2)
        }
    }
    /// Runs a line in which $1 is vigil and $k and $v are what no Swift string holds: what it prints, and its exit code.
    private func shell(_ vigil: Command, _ line: String) async throws -> [String] {
        let shell = try vigil.start(
            program: "/bin/sh", "-c", #"k=$(printf 'k\377'); v=$(printf 'v\376'); "# + line, "sh",
            ChildProcess.path(of: "vigil"))
        var lines: [String] = []
        for await line in shell.lines { lines.append(line) }
        return lines + ["\(await shell.status())"]
    }
}
