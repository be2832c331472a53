import ChildProcess
import Foundation
import TestSupport
import Testing

/// Wrong usage and wrong stores: what is said, and the exit codes.
@Suite struct UsageTests {
    @Test(arguments: [
        ["frob"], ["get"], ["put", "a"], ["watch", ""], ["watch", "b", "--range-end", "a"], ["get", "a", "--at", "x"],
        ["ls", "--limit", "-1"], ["show", "0"], ["watch", "a", "--from", "yesterday"], ["import", "-", "--batch", "0"],
        ["log", "--from", "0"], ["get", "a", "--at=-1"], ["ls", "--at=-1"], ["export", "--at=-1"],
    ])
    func wrongUsageIsTwo(_ arguments: [String]) async throws {
        try await withCommand { vigil in
            let errors = vigil.directory + "/errors"
            let child = try ChildProcess(
                built: "vigil", arguments, environment: ["VIGIL_DATA": vigil.data], errors: errors)
            #expect(await child.status() == 2)
            #expect(try !String(contentsOfFile: errors, encoding: .utf8).isEmpty)
            #expect(!FileManager.default.fileExists(atPath: vigil.data))
        }
    }

    @Test func helpIsZeroAndNamesTheExitCodes() async throws {
        try await withCommand { vigil in
            let help = try await vigil("--help")
            #expect(help.status == 0)
            #expect(help.lines.joined().contains("Exit codes"))
            let verbs = """
                put get del ls watch log show history stat check compact import export backup restore recover serve demo
                """
            for verb in verbs.split(separator: " ") {
                #expect(try await vigil(String(verb), "--help").status == 0)
            }
        }
    }

    @Test func noStoreIsThreeAndNothingIsMade() async throws {
        try await withCommand { vigil in
            for verb in ["stat", "ls", "log", "check", "export"] {
                let outcome = try await vigil(verb)
                #expect(outcome.status == 3 && outcome.errors.contains("no store"), "\(verb): \(outcome.errors)")
            }
            // These write, but there is nothing for them to change.
            for verb in ["del", "compact"] {
                let outcome = try await vigil(verb, "1")
                #expect(outcome.status == 3 && outcome.errors.contains("no store"), "\(verb): \(outcome.errors)")
            }
            #expect(!FileManager.default.fileExists(atPath: vigil.data))
            let asJSON = try await vigil("stat", "--json")
            #expect(Command.object(asJSON.errors)?["error"] as? String == "not_a_store")
        }
    }

    @Test func keysAndRevisionsOutOfBounds() async throws {
        try await withCommand { vigil in
            let long = String(repeating: "k", count: 4097)
            let tooLong = try await vigil("put", long, "v")
            #expect(tooLong.status == 2 && tooLong.errors.contains("4097") && tooLong.errors.contains("4096"))
            #expect(try await vigil("put", String(long.dropLast()), "v").status == 0)
            let empty = try await vigil("put", "", "v")
            #expect(empty.status == 2 && empty.errors.contains("empty"))
            let future = try await vigil("get", "a", "--at", "9")
            #expect(future.status == 3 && future.errors.contains("newest is 1"))
            _ = try await vigil("put", "a", "1")
            _ = try await vigil("compact", "2")
            let again = try await vigil("compact", "2")
            #expect(again.status == 3 && again.errors.contains("before revision 2 was compacted already"))
            let past = try await vigil("get", "a", "--at", "1")
            #expect(past.status == 3 && past.errors.contains("earliest available is 2"))
        }
    }

    @Test func aPathThatIsAFile() async throws {
        try await withCommand { vigil in
            let file = try vigil.file("file", "text")
            let outcome = try await vigil("put", "a", "1", "--data", file)
            #expect(outcome.status == 3 && outcome.errors.contains("not a directory"))
        }
    }

    @Test func aSecondWriterIsToldWhoTheFirstIs() async throws {
        try await withCommand { vigil in
            let holder = try ChildProcess(built: "CrashWriter", ["write", vigil.data, "1", "sync"])
            for await _ in holder.lines { break }
            let outcome = try await vigil("put", "a", "2")
            #expect(outcome.status == 3)
            #expect(outcome.errors.contains("open for writing in process \(holder.processIdentifier)"))
            #expect(try await vigil("ls").status == 0, "reading goes on beside a writer")
            holder.kill()
        }
    }

    @Test func globalOptionsMayComeFirst() async throws {
        try await withCommand { vigil in
            let other = vigil.directory + "/other"
            let put = try await vigil("--data", other, "put", "a", "1")
            let got = try await vigil("--json", "--data=" + other, "get", "a")
            #expect(put.status == 0)
            #expect(got.json.first?["value"] as? String == "1")
        }
    }
}
