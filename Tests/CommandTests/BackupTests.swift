import ChildProcess
import Foundation
import TestSupport
import Testing

@Suite struct BackupCommandTests {
    @Test func backsUpBesideAWriterAndRestores() async throws {
        try await withCommand { vigil in
            // A writer that waits for more input has the store open, and its newest revisions in the journal alone.
            let rest = vigil.directory + "/rest"
            try #require(mkfifo(rest, 0o600) == 0)
            _ = try await vigil("put", "first", "0")
            let watch = try vigil.start("watch", "", "--prefix", "--from", "2", "--json")
            var events = watch.lines.filter { Command.object($0)?["key"] != nil }.makeAsyncIterator()
            let importer = try vigil.start(
                program: "/bin/sh", "-c", #"{ printf '%s\n' "$2" "$3"; cat "$1"; } | "$0" import -"#,
                ChildProcess.path(of: "vigil"), rest, #"{"key":"a","value":"1"}"#, #"{"key":"b","value":"2"}"#)
            _ = [await events.next(), await events.next()]
            let file = vigil.directory + "/backup"
            let made = try await vigil("backup", file, "--json")
            #expect(made.status == 0 && made.json.first?["head"] as? Int == 3, "\(made.errors)")
            #expect(made.json.first?["keys"] as? Int == 3 && made.json.first?["path"] as? String == file)
            let again = try await vigil("backup", file)
            #expect(again.status == 2 && again.errors.contains("exists already"))
            let end = try ChildProcess("/bin/sh", ["-c", #": > "$0""#, rest])
            #expect(await end.status() == 0)
            #expect(await importer.status() == 0)
            watch.interrupt()
            _ = await watch.status()

            let copy = vigil.directory + "/copy"
            #expect(try await vigil("restore", "--verify", file).lines.first?.hasPrefix("intact: ") == true)
            let restored = try await vigil("restore", file, copy)
            #expect(restored.status == 0 && restored.lines.first?.contains("revisions 1 to 3, 3 keys") == true)
            #expect(try await vigil("log", "--data", copy).lines == vigil("log").lines)
            #expect(try await vigil("check", "--deep", "--data", copy).status == 0)
            let taken = try await vigil("restore", file, copy)
            #expect(taken.status == 2 && taken.errors.contains("nothing is overwritten"))
        }
    }

    @Test func aDirectoryAsTarget() async throws {
        try await withCommand { vigil in
            _ = try await vigil("put", "k", "v")
            for arguments in [["--json"], ["--json", "--uncompressed"]] {
                let folder = vigil.directory + "/folder-\(arguments.count)"
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
                let outcome = try await vigil("backup", folder, arguments[0], arguments.last!)
                let path = try #require(outcome.json.first?["path"] as? String)
                #expect(path.hasPrefix(folder + "/vigil-") && path.hasSuffix("-1.backup"))
                #expect(FileManager.default.fileExists(atPath: path))
            }
        }
    }

    @Test func wrongUsageAndWrongFiles() async throws {
        try await withCommand { vigil in
            let text = try vigil.file("text", "not a backup")
            let new = vigil.directory + "/new"
            #expect(try await vigil("backup", vigil.directory + "/b").status == 3)
            #expect(try await vigil("restore", text).status == 2)
            #expect(try await vigil("restore", text, new, "--verify").status == 2)
            #expect(try await vigil("restore", vigil.directory + "/none", new).status == 3)
            let wrong = try await vigil("restore", text, new, "--json")
            #expect(wrong.status == 3 && Command.object(wrong.errors)?["error"] as? String == "not_a_store")
            _ = try await vigil("put", "k", "v")
            #expect(try await vigil("backup", vigil.directory + "/no/such/folder").status == 3)
            #expect(!FileManager.default.fileExists(atPath: new))
        }
    }
}
