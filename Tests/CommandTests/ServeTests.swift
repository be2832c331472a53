import ChildProcess
import Foundation
import GRPCClient
import NIOCore
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

/// A server that was started, and a client of it.
private struct Served {
    let process: ChildProcess
    let port: Int
    private let client: Client

    init(_ vigil: Command) async throws {
        process = try vigil.start("serve", "--listen", "127.0.0.1:0", "--json")
        var lines = process.lines.makeAsyncIterator()
        let said = try #require(Command.object(await lines.next() ?? ""))
        let address = try #require(said["listen"] as? String)
        port = try #require(address.split(separator: ":").last.flatMap { Int($0) })
        client = try await Client.connect(to: .init(ipAddress: "127.0.0.1", port: port))
    }

    /// Puts, and returns the status.
    func put(_ key: String, _ value: String) async throws -> Int? {
        // etcdserverpb.PutRequest: field 1 is the key, field 2 the value.
        let message =
            [0x0A, UInt8(key.utf8.count)] + Array(key.utf8) + [0x12, UInt8(value.utf8.count)] + Array(value.utf8)
        return try await client.unary("/etcdserverpb.KV/Put", message).status
    }
}
