import ChildProcess
import Foundation
import GRPCClient
import NIOCore
import TestSupport
import Testing

/// A server that was started, and a client of it.
struct Served {
    let process: ChildProcess
    let port: Int
    /// What it said when it began.
    let said: [String: String]
    let client: Client

    init(_ vigil: Command, _ options: String..., environment: [String: String] = [:]) async throws {
        try await self.init(vigil, options, environment: environment)
    }

    init(_ vigil: Command, _ options: [String], environment: [String: String] = [:]) async throws {
        process = try ChildProcess(
            built: "vigil", ["serve", "--listen", "127.0.0.1:0", "--json"] + options,
            environment: environment.merging(["VIGIL_DATA": vigil.data]) { own, _ in own },
            errors: vigil.backgroundErrors)
        var lines = process.lines.makeAsyncIterator()
        let object = try #require(Command.object(await lines.next() ?? ""))
        said = object.compactMapValues { $0 as? String }
        port = try #require(said["listen"]?.split(separator: ":").last.flatMap { Int($0) })
        client = try await Self.connect(port)
    }

    static func connect(_ port: Int) async throws -> Client {
        try await Client.connect(to: .init(ipAddress: "127.0.0.1", port: port))
    }

    /// Puts, and returns the status.
    func put(_ key: String, _ value: String) async throws -> Int? {
        try await client.put(key, value)
    }
}

extension Client {
    /// Puts, and returns the status.
    func put(_ key: String, _ value: String) async throws -> Int? {
        // etcdserverpb.PutRequest: field 1 is the key, field 2 the value.
        let message =
            [0x0A, UInt8(key.utf8.count)] + Array(key.utf8) + [0x12, UInt8(value.utf8.count)] + Array(value.utf8)
        return try await unary("/etcdserverpb.KV/Put", message).status
    }
}
