/// `redis-server`, which flushes its log of commands before it answers. It does so once for all commands that it finds
/// waiting, so many writers share a flush.
struct RedisServer: PeerServer {
    /// The first version that numbers entries by `0-*`.
    static let oldest = Version(7, 0)

    let path: String
    let version: Version
    /// Whether it keeps the newest value of each key too.
    let keepsValues: Bool

    var name: String { keepsValues ? "Redis Streams and values \(version)" : "Redis Streams \(version)" }

    func start(directory: String) async throws -> any RunningPeer {
        let port = try await freePort()
        let options = [
            "--bind", loopback, "--port", "\(port)", "--dir", directory, "--appendonly", "yes", "--appendfsync",
            "always", "--save", "", "--daemonize", "no", "--maxclients", "20000",
        ]
        let process = try ServerProcess(path, options, directory: directory)
        try await process.answer {
            let link = try await Link<RedisHandler>(port: port)
            var reply = RESPReader(try await link.command("PING"))
            _ = try reply.next()
            await link.close()
        }
        return Running(process: process, port: port, keepsValues: keepsValues)
    }

    private struct Running: RunningPeer {
        let process: ServerProcess
        let port: Int
        let keepsValues: Bool

        func connect(connections: Int) async throws -> any PeerClient {
            try await RedisClient(port: port, connections: connections, keepsValues: keepsValues)
        }
    }
}
