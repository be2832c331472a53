import ArgumentParser
import ChildProcess
import Foundation
import TestSupport
import Testing
import Vigil

@testable import VigilCommand

/// Every command says on a server what it says on a directory, byte for byte, and ends with the same exit code.
@Suite(.timeLimit(.minutes(5))) struct EndpointTests {
    /// One run of a command, and what of its output differs by nature: regular expressions.
    private struct Run {
        var arguments: [String]
        var masks: [String] = []
        var input: String?

        var name: String { arguments.first! }

        init(_ arguments: String..., masks: [String] = [], input: String? = nil) {
            self.arguments = arguments
            self.masks = masks
            self.input = input
        }

        func masked(_ line: String) -> String {
            masks.reduce(line) { $0.replacingOccurrences(of: $1, with: "…", options: .regularExpression) }
        }
    }

    /// How long ago something was.
    private static let age = #"[0-9.]+ (s|min|h) (ago)?"#
    private static let cursorAge = #"("lag_seconds":[0-9.]+|"moved_ms":[0-9]+|[0-9.]+ s,|moved .*)"#
    /// Only the process that has a store open for writing knows how long its leases have left.
    private static let left = #"600 s(, .* left)?|left  .*|"seconds":600(,"remaining_seconds":[0-9.]+)?"#
    /// A directory has a block for each command that wrote; a server gathers.
    private static let sizes = #"[0-9.]+ (B|KiB|MiB)|[0-9]+ blocks|as [0-9]+ of"#

    /// What reads, on one store, which the server has open.
    private static let reads = [
        Run("get", "services/web"), Run("get", "services/web", "--json"), Run("get", "nothing"),
        Run("get", "services/web", "--at", "1", "--raw"), Run("get", "services/web", "--at", "0"),
        Run("get", "services/web", "--at", "99"), Run("get", "services/web", "--at", "@-1h"), Run("get", "binary"),
        Run("get", ""),
        Run("ls"), Run("ls", "--json"), Run("ls", "services/", "--at", "3"), Run("ls", "--limit", "2"),
        Run("ls", "--keys-only"), Run("ls", "many/"), Run("ls", "--at", "@2100-01-01"), Run("ls", "--at", "99"),
        Run("log"), Run("log", "--json"), Run("log", "--from", "3", "--to", "4"), Run("log", "--from", "-2"),
        Run("log", "--prefix", "services/", "--limit", "2"), Run("log", "--from", "999"), Run("log", "--from", "@-1h"),
        Run("show", "3"), Run("show", "3", "--json"), Run("show", "999"),
        Run("history", "services/web"), Run("history", "services/web", "--diff"), Run("history", "nothing"),
        Run("history", "services/web", "--limit", "1", "--json"),
        Run("export"), Run("export", "--at", "2"), Run("export", "--from", "earliest"),
        Run("export", "--from", "2", "--to", "3", "--prefix", "services/"), Run("export", "--from", "5", "--to", "2"),
        Run("watch", "", "--prefix", "--from", "1", "--until", "head"),
        Run("watch", "", "--prefix", "--from", "1", "--until", "head", "--json", "--prev"),
        Run("watch", "", "--prefix", "--from", "snapshot", "--until", "head"),
        Run("watch", "services/db", "--from", "earliest", "--until", "head"),
        Run("watch", "nothing", "--from", "earliest", "--until", "head", "--json"),
        Run("watch", "services/", "--prefix", "--from", "-3", "--until", "head"),
        Run("watch", "a", "--range-end", "t", "--from", "@-1h", "--until", "3"),
        Run("watch", "services/", "--prefix", "--from", "3", "--until", "head", "--", "sh", "-c", "echo $VIGIL_KEY"),
        Run("stat", masks: [age, "readers .*"]), Run("stat", "--json", masks: [#""readers":[0-9]+"#]),
        Run("check"), Run("check", "--deep", "--json"),
        Run("compact", "3", "--dry-run"), Run("compact", "--keep-revisions", "2", "--dry-run", "--json"),
        Run("compact", "999", "--dry-run"),
        Run("cursor", "ls"), Run("cursor", "show", "nobody"), Run("cursor", "rm", "nobody"),
        // In each of the two runs a cursor of that run's own.
        Run("watch", "", "--prefix", "--cursor", "made-by-$PLACE", "--until", "3"),
        Run("watch", "", "--prefix", "--cursor", "made-by-$PLACE", "--until", "head"),
        Run("cursor", "set", "made-by-$PLACE", "2", masks: [cursorAge, "made-by-[a-z]*"]),
        Run("cursor", "show", "made-by-$PLACE", masks: [cursorAge, "made-by-[a-z]*"]),
        Run("cursor", "set", "$PLACE", "999"), Run("cursor", "set", "$PLACE", "--no-hold"),
        Run("cursor", "rm", "made-by-$PLACE"), Run("cursor", "rm", "made-by-$PLACE"),
        Run("lease", "ls", masks: [left]), Run("lease", "ls", "--json", masks: [left]),
        Run("lease", "show", "7", masks: [left]), Run("lease", "show", "0x7", "--json", masks: [left]),
        Run("lease", "show", "8"), Run("lease", "show", "x"), Run("lease", "show", "0"),
        Run("backup", "$OUTPUT/$PLACE.backup", masks: ["(directory|server).backup", sizes]),
        Run("backup", "$OUTPUT/$PLACE.backup"),
    ]

    /// What writes, on two stores with the same contents.
    private static let writes = [
        Run("put", "a", "1"), Run("put", "b", "-", "--json", input: "two\n"), Run("put", "", "x"),
        Run("put", String(repeating: "k", count: 4097), "x"), Run("put", String(repeating: "k", count: 4096), "x"),
        Run("del", "b"), Run("del", "b"),
        Run("del", "many/", "--prefix", "--json"), Run("del", "many/", "--prefix"),
        Run("import", "-", "--json", input: lines), Run("import", "-", "--batch", "3", "--json", input: lines),
        Run("import", "-", "--json", input: #"{"key":"a","value":"1"}"# + "\nnonsense\n"),
        Run("import", "-", "--json", input: history), Run("log", "--from", "8", masks: [#"^.{24}"#]),
        Run(
            "cursor", "set", "one", "2", "--hold-revisions", "1000", "--json",
            masks: [cursorAge, #""lag_bytes":[0-9]+"#]),
        Run("compact", "4"), Run("compact", "5", "--force"), Run("compact", "2"), Run("compact", "99999"),
        Run("compact", "--keep-revisions", "4", "--json"),
        Run("get", "a", "--at", "1"), Run("watch", "a", "--from", "1", "--until", "head"), Run("log", "--from", "1"),
        Run("cursor", "ls", masks: [cursorAge, sizes]),
        Run("lease", "grant", "600", "--id", "9"), Run("lease", "grant", "600", "--id", "9", "--json"),
        Run("lease", "grant", "0"), Run("lease", "grant", "9000000001"), Run("lease", "grant", "soon"),
        Run("lease", "grant", "600", "--json", masks: [#""lease":[0-9]+"#]), Run("put", "held", "v", "--lease", "9"),
        Run("put", "held/too", "v", "--lease", "0x9", "--json"), Run("put", "x", "v", "--lease", "1234"),
        Run("get", "held", "--json"), Run("lease", "show", "9", masks: [left]),
        Run("lease", "keep-alive", "9", "--once"), Run("lease", "keep-alive", "9", "--once", "--json"),
        Run("lease", "keep-alive", "1234", "--once"), Run("lease", "revoke", "9"), Run("lease", "revoke", "9"),
        Run("lease", "revoke", "7", "--json"), Run("get", "held"), Run("lease", "show", "9"),
        Run("seal", masks: [sizes]), Run("shrink", masks: [sizes]), Run("check", "--deep", masks: [#"[0-9]+ blocks"#]),
        Run("export"),
    ]

    private static let lines = (1...30).map { #"{"key":"line/\#($0)","value":"\#($0)"}"# + "\n" }.joined()
    private static let history = (1...3).map { #"{"revision":\#($0 / 2),"key":"past/\#($0)","value":"v"}"# + "\n" }
        .joined()

    /// What has no server to work on.
    private static let excluded = [
        "serve": "is the server", "restore": "makes a directory of a file", "recover": "repairs a directory",
        "demo": "has a store of its own", "auth": "is for when the server is stopped",
    ]

    @Test func everyCommandIsCompared() {
        let names = Set(VigilCommand.configuration.subcommands.map { $0._commandName })
        let compared = Set((Self.reads + Self.writes).map(\.name))
        #expect(names == compared.union(Self.excluded.keys), "a command is compared here, or excluded with a reason")
        let verbs = Set((Self.reads + Self.writes).filter { $0.name == "cursor" }.map { $0.arguments[1] })
        #expect(verbs == Set(CursorCommand.configuration.subcommands.map { $0._commandName }))
        let leaseVerbs = Set((Self.reads + Self.writes).filter { $0.name == "lease" }.map { $0.arguments[1] })
        #expect(leaseVerbs == Set(LeaseCommand.configuration.subcommands.map { $0._commandName }))
    }

    @Test func readsAreTheSame() async throws {
        try await withCommand { vigil in
            try await fill(vigil)
            let server = try await ServedStore(vigil)
            for run in Self.reads {
                try await compare(run, Place(vigil, []), Place(vigil, ["--endpoint", server.endpoint]))
            }
            await server.end()
        }
    }

    @Test func writesAreTheSame() async throws {
        try await withCommand { vigil in
            try await fill(vigil)
            let copy = Command(directory: vigil.directory + "/copy")
            try FileManager.default.createDirectory(atPath: copy.directory, withIntermediateDirectories: true)
            try copyOpenStore(at: vigil.data, to: copy.data)
            let server = try await ServedStore(copy)
            for run in Self.writes {
                try await compare(run, Place(vigil, []), Place(vigil, ["--endpoint", server.endpoint]))
            }
            await server.end()
        }
    }

    /// Where a command works.
    private struct Place {
        var vigil: Command
        var options: [String]

        init(_ vigil: Command, _ options: [String]) {
            self.vigil = vigil
            self.options = options
        }

        func run(_ run: Run) async throws -> Command.Outcome {
            let name = options.isEmpty ? "directory" : "server"
            let arguments = run.arguments.map {
                $0.replacingOccurrences(of: "$PLACE", with: name)
                    .replacingOccurrences(of: "$OUTPUT", with: vigil.directory)
            }
            return try await vigil.run(options + arguments, input: run.input)
        }
    }

    private func compare(_ run: Run, _ directory: Place, _ server: Place) async throws {
        async let ofDirectory = directory.run(run)
        async let ofServer = server.run(run)
        let (here, there) = try await (ofDirectory, ofServer)
        let command = "vigil \(run.arguments.joined(separator: " ")): \(here.errors)\(there.errors)"
        #expect(here.lines.map(run.masked) == there.lines.map(run.masked), "\(command)")
        #expect(here.status == there.status, "\(command)")
        // What it says to a person names the places only where it must.
        #expect(here.errors.isEmpty == there.errors.isEmpty, "\(command)")
    }

    private func fill(_ vigil: Command) async throws {
        let store = try await WatchStore.open(vigil.data)
        try await store.put("services/web", #"{"addr": "10.0.0.7"}"#)
        try await store.put("services/db", "10.0.0.9\nline")
        try await store.put("services/web", #"{"addr": "10.0.0.8"}"#)
        try await store.delete("services/db")
        try await store.put("binary", Bytes([0xFF, 0x00, 0x0A]))
        try await store.transaction(
            Transaction(then: (0..<300).map { .put("many/\($0)", Bytes([UInt8](repeating: 0x61, count: 5000))) }))
        try await store.put("services/web", "")
        _ = try await store.grantLease(seconds: 600, id: 7)
        try await store.close()
    }

    // MARK: What can go wrong with a server

    @Test(arguments: [
        "x", "host", ":1", "host:", "host:0", "host:70000", "::1:2379", "[host]:1", "ftp://host:1", "a b:1",
    ])
    func wrongEndpoints(_ endpoint: String) async throws {
        try await withCommand { vigil in
            let outcome = try await vigil("get", "x", "--endpoint", endpoint)
            #expect(outcome.status == 2 && outcome.errors.contains("--endpoint"))
        }
    }

    @Test(arguments: [
        ["--endpoint", "127.0.0.1:1", "--data", "d"], ["--endpoint", "127.0.0.1:1", "--cert", "c"],
        ["--endpoint", "127.0.0.1:1", "--cacert", "/nowhere"], ["--endpoint", "http://127.0.0.1:1", "--cacert", "c"],
        ["--endpoint", "127.0.0.1:1", "--user", "root"], ["--endpoint", "127.0.0.1:1", "--timeout", "0s"],
        ["--user", "root:secret"],
    ])
    func wrongOptions(_ options: [String]) async throws {
        try await withCommand { vigil in
            let outcome = try await vigil.run(["get", "x"] + options)
            #expect(outcome.status == 2 && !outcome.errors.isEmpty && outcome.lines.isEmpty)
        }
    }

    @Test func aServerThatIsNotThere() async throws {
        try await withCommand { vigil in
            for command in [["get", "x"], ["put", "x", "y"], ["watch", "x"], ["export"]] {
                let outcome = try await vigil.run(command + ["--endpoint", "127.0.0.1:1", "--json"])
                #expect(outcome.status == 4, "\(command)")
                #expect(Command.object(outcome.errors)?["error"] as? String == "unreachable", "\(outcome.errors)")
            }
        }
    }

    @Test func theEnvironmentNamesTheServer() async throws {
        try await withCommand { vigil in
            let server = try await ServedStore(vigil)
            let other = Command(directory: vigil.directory, environment: ["VIGIL_ENDPOINT": server.endpoint])
            #expect(try await other("put", "a", "1").lines == ["revision 1"])
            // What is given counts more than what is set; and two that are set leave it open.
            #expect(try await other("get", "a", "--data", vigil.data).lines == ["1"])
            let both = Command(
                directory: vigil.directory, environment: ["VIGIL_ENDPOINT": server.endpoint, "VIGIL_DATA": vigil.data])
            #expect(try await both("get", "a").status == 2)
            await server.end()
        }
    }

    // MARK: Servers that go and come

    @Test func aWatchOutlivesItsServer() async throws {
        try await withCommand { vigil in
            let server = try await ServedStore(vigil)
            let watcher = try ChildProcess(
                built: "vigil",
                ["watch", "", "--prefix", "--from", "1", "--endpoint", server.endpoint, "--until", "400", "--json"],
                errors: "\(vigil.directory)/watch-errors")
            var printed = watcher.lines.makeAsyncIterator()
            var seen: [Int] = []
            func see(_ line: String) throws {
                guard let object = Command.object(line), object["type"] as? String == "put" else { return }
                seen.append(try #require(object["revision"] as? Int))
            }
            for round in 0..<4 {
                if round > 0 { try await server.start() }
                let lines = (0..<100).map { #"{"key":"\#(round)/\#($0)","value":"v"}"# + "\n" }.joined()
                let outcome = try await vigil.run(["import", "-", "--endpoint", server.endpoint], input: lines)
                #expect(outcome.status == 0, "\(outcome.errors)")
                // It must have come to its first server.
                while seen.isEmpty, let line = await printed.next() { try see(line) }
                if round < 3 { await server.kill() }
            }
            while let line = await printed.next() { try see(line) }
            #expect(seen == Array(1...400))
            #expect(await watcher.status() == 0)
            await server.end()
        }
    }

    @Test func aWatchWhoseServerStaysAwayEnds() async throws {
        try await withCommand { vigil in
            let server = try await ServedStore(vigil)
            #expect(try await vigil("put", "a", "1", "--endpoint", server.endpoint).status == 0)
            let errors = "\(vigil.directory)/watch-errors"
            let watcher = try ChildProcess(
                built: "vigil", ["watch", "a", "--from", "1", "--endpoint", server.endpoint, "--timeout", "300ms"],
                errors: errors)
            var lines = watcher.lines.makeAsyncIterator()
            #expect(await lines.next() != nil)
            await server.kill()
            #expect(await watcher.status() == 4)
            #expect(try String(contentsOfFile: errors, encoding: .utf8).contains("resume with --from 2"))
        }
    }

    @Test func importsAHundredThousandLines() async throws {
        try await withCommand { vigil in
            let server = try await ServedStore(vigil)
            let file = try vigil.file(
                "lines", (0..<100_000).map { #"{"key":"\#($0)","value":"value \#($0)"}"# }.joined(separator: "\n"))
            let outcome = try await vigil("import", file, "--batch", "20", "--endpoint", server.endpoint)
            #expect(outcome.status == 0)
            #expect(outcome.errors.contains("imported 51200 lines") && outcome.errors.contains("100000 lines as 5000"))
            #expect(try await vigil("ls", "--keys-only", "--endpoint", server.endpoint).lines.count == 100_000)
            await server.end()
        }
    }
}
