import Foundation

/// `nats-server` with JetStream. It flushes before it acknowledges, if its version can be told to. An older one flushes
/// every two minutes, and a loss of power takes what it has acknowledged since: its name says so in the report.
struct NATSServer: PeerServer {
    /// The first version with `sync_interval`.
    private static let firstToSync = Version(2, 10)

    let path: String
    let version: Version

    private var syncs: Bool { version >= Self.firstToSync }

    var name: String { "NATS JetStream \(version)" + (syncs ? "" : " (no fsync)") }

    func start(directory: String) async throws -> any RunningPeer {
        let port = try await freePort()
        let configuration = """
            listen: "\(loopback):\(port)"
            jetstream {
                store_dir: "\(directory)"
                \(syncs ? "sync_interval: always" : "")
            }
            """
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let file = directory + "/nats.conf"
        try configuration.write(toFile: file, atomically: false, encoding: .utf8)
        let process = try ServerProcess(path, ["--config", file], directory: directory)
        try await process.answer {
            let connection = try await NATSConnection(port: port)
            defer { Task { await connection.close() } }
            try await connection.createStream()
        }
        return Running(process: process, port: port)
    }

    private struct Running: RunningPeer {
        let process: ServerProcess
        let port: Int

        func connect(connections: Int) async throws -> any PeerClient {
            try await NATSClient(port: port, connections: connections)
        }
    }
}
