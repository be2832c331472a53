/// A server that speaks etcd's API, whoever wrote it: all of them are driven by the same client.
struct RunningEtcd: RunningPeer {
    let process: ServerProcess
    private let port: Int

    /// Returns when it answers.
    init(_ process: ServerProcess, port: Int) async throws {
        (self.process, self.port) = (process, port)
        try await process.answer {
            let connection = try await EtcdConnection(port: port)
            defer { Task { await connection.close() } }
            try await connection.get("health")
        }
    }

    func connect(connections: Int) async throws -> any PeerClient {
        try await EtcdClient(port: port, connections: connections)
    }
}
