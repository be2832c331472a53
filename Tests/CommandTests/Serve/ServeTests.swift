import ChildProcess
import Foundation
import TestSupport
import Testing

/// `vigil serve`: what it says, whom it serves, and how it ends.
@Suite(.timeLimit(.minutes(1))) struct ServeTests {
    @Test func servesUntilItIsToldToEnd() async throws {
        try await withCommand { vigil in
            let server = try await Served(vigil)
            #expect(try await server.put("a", "1") == 0)
            // Readers work beside it, writers do not.
            #expect(try await vigil("get", "a").lines == ["1"])
            #expect(try await vigil("put", "a", "2").status == 3)
            server.process.interrupt()
            #expect(await server.process.status() == 0)
            #expect(try await vigil("put", "a", "2").status == 0)
        }
    }

    @Test func keepsWhatItAcknowledgedWhenItIsKilled() async throws {
        try await withCommand { vigil in
            for round in 0..<3 {
                let server = try await Served(vigil)
                for number in 0..<100 { #expect(try await server.put("\(round)/\(number)", "v") == 0) }
                server.process.kill()
                #expect(await server.process.status() == -9)
            }
            #expect(try await vigil("ls", "--json").lines.count == 300)
            #expect(try await vigil("check", "--deep").status == 0)
        }
    }

    @Test(arguments: ["0.0.0.0:0", "[::]:0"])
    func refusesOtherMachinesUnlessAsked(_ address: String) async throws {
        try await withCommand { vigil in
            let refused = try await vigil("serve", "--listen", address)
            #expect(refused.status == 2 && refused.errors.contains("--insecure"))
            let server = try vigil.start("serve", "--listen", address, "--insecure")
            for await line in server.lines {
                #expect(line.hasPrefix("serving "))
                break
            }
            server.interrupt()
            #expect(await server.status() == 0)
        }
    }

    @Test(arguments: ["2379", ":1", "localhost:", "localhost:x", "localhost:70000"])
    func wrongAddresses(_ address: String) async throws {
        try await withCommand { vigil in
            let refused = try await vigil("serve", "--listen", address)
            #expect(refused.status == 2)
            #expect(!FileManager.default.fileExists(atPath: vigil.data))
        }
    }

    @Test func aPortThatIsTaken() async throws {
        try await withCommand { vigil in
            let server = try await Served(vigil)
            let second = Command(directory: vigil.directory + "/other")
            try FileManager.default.createDirectory(atPath: second.directory, withIntermediateDirectories: true)
            let outcome = try await second("serve", "--listen", "127.0.0.1:\(server.port)")
            #expect(outcome.status == 2 && outcome.errors.contains("cannot listen on 127.0.0.1:\(server.port)"))
            server.process.kill()
        }
    }
}
