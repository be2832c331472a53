import ChildProcess
import Foundation
import TestSupport
import Testing

/// `vigil lease`, and `vigil put --lease`, on a directory and on a server.
@Suite(.timeLimit(.minutes(2))) struct LeaseCommandTests {
    @Test func fromItsGrantToItsEnd() async throws {
        try await withCommand { vigil in
            #expect(try await vigil("lease", "grant", "60", "--id", "7").lines == ["lease 7  60 s, 60.0 s left"])
            let any = try await vigil("lease", "grant", "5", "--json").json.first
            #expect((any?["lease"] as? Int ?? 0) > 0 && any?["seconds"] as? Int == 5)
            #expect(try await vigil("put", "a", "1", "--lease", "7").lines == ["revision 1"])
            #expect(try await vigil("put", "b", "1", "--lease", "0x7", "--json").lines == [#"{"revision":2}"#])
            #expect(try await vigil("get", "a", "--json").json.first?["lease"] as? Int == 7)
            #expect(
                try await vigil("lease", "show", "7").lines == [
                    "lease    7", "granted  60 s", "left     known to the process that writes the store", "key      a",
                    "key      b",
                ])
            #expect(
                try await vigil("lease", "show", "7", "--json").lines == [
                    #"{"lease":7,"seconds":60,"keys":[{"key":"a"},{"key":"b"}]}"#
                ])
            #expect(try await vigil("lease", "ls").lines.contains("lease 7  60 s"))
            #expect(try await vigil("lease", "ls", "--json").json.count == 2)
            // A put without the option takes the key from it.
            #expect(try await vigil("put", "b", "2").lines == ["revision 3"])
            #expect(try await vigil("lease", "revoke", "7").lines == ["revision 4, revoked lease 7"])
            #expect(try await vigil("get", "a").status == 1)
            #expect(try await vigil("get", "b").lines == ["2"])
        }
    }

    @Test(arguments: [
        ["lease", "show", "8"], ["lease", "revoke", "8"], ["lease", "keep-alive", "8"],
        ["put", "a", "1", "--lease", "8"],
    ])
    func whatIsNotThereIsOne(_ arguments: [String]) async throws {
        try await withCommand { vigil in
            _ = try await vigil("lease", "grant", "60", "--id", "7")
            let outcome = try await vigil.run(arguments)
            #expect(outcome.status == 1 && outcome.lines == [])
        }
    }

    @Test func wrongInput() async throws {
        try await withCommand { vigil in
            _ = try await vigil("lease", "grant", "60", "--id", "7")
            for arguments in [
                ["lease", "grant", "0"], ["lease", "grant", "9000000001"], ["lease", "grant", "x"], ["lease", "grant"],
                ["lease", "grant", "60", "--id", "0"], ["lease", "show", "0xg"], ["put", "a", "1", "--lease", "0"],
            ] {
                let outcome = try await vigil.run(arguments)
                #expect(outcome.status == 2 && outcome.lines == [] && !outcome.errors.isEmpty, "\(arguments)")
            }
            let taken = try await vigil("lease", "grant", "60", "--id", "7", "--json")
            #expect(taken.status == 3 && Command.object(taken.errors)?["error"] as? String == "lease_exists")
        }
    }

    /// In a directory once: there is no time that passes.
    @Test func keptAliveInADirectory() async throws {
        try await withCommand { vigil in
            _ = try await vigil("lease", "grant", "60", "--id", "7")
            let outcome = try await vigil("lease", "keep-alive", "7")
            #expect(outcome.status == 0 && outcome.lines == ["lease 7  60 s, 60.0 s left"])
        }
    }

    @Test func keptAliveOnAServer() async throws {
        try await withCommand { vigil in
            let server = try await ServedStore(vigil)
            let there = ["--endpoint", server.endpoint]
            #expect(try await vigil.run(["lease", "grant", "2", "--id", "7"] + there).status == 0)
            #expect(try await vigil.run(["put", "a", "1", "--lease", "7"] + there).status == 0)
            let keeper = try ChildProcess(
                built: "vigil", ["lease", "keep-alive", "7", "--json"] + there, errors: "\(vigil.directory)/keeper")
            var lines = keeper.lines.makeAsyncIterator()
            // More than the two seconds that it was granted for.
            for _ in 0..<5 {
                let said = Command.object(await lines.next() ?? "")
                #expect(said?["lease"] as? Int == 7 && said?["seconds"] as? Int == 2)
            }
            #expect(try await vigil.run(["get", "a"] + there).lines == ["1"])
            keeper.interrupt()
            while await lines.next() != nil {}
            #expect(await keeper.status() == 0)
            // Nobody keeps it any more.
            let watch = try await vigil.run(["watch", "a", "--from", "1", "--until", "2"] + there)
            #expect(watch.lines.last?.contains("delete  a") == true, "\(watch)")
            #expect(try await vigil.run(["lease", "keep-alive", "7"] + there).status == 1)
            await server.end()
        }
    }

    /// An alarm refuses it what it refuses clients of etcd, also after a restart without the quota that has raised it.
    @Test func noLeasesWithoutRoom() async throws {
        try await withCommand { vigil in
            #expect(try await vigil("put", "a", "1").status == 0)
            for quota in [["--quota", "1"], []] {
                let server = try await Served(vigil, quota)
                // It is looked at now and then.
                while !quota.isEmpty, try await server.put("b", "1") == 0 { await Task.yield() }
                let outcome = try await vigil(
                    "lease", "grant", "60", "--endpoint", "127.0.0.1:\(server.port)", "--json")
                #expect(outcome.status == 3 && Command.object(outcome.errors)?["error"] as? String == "full")
                server.process.interrupt()
                _ = await server.process.status()
            }
        }
    }
}
