/// `etcd`, one member. It flushes its log before it answers, as it always does.
struct EtcdServer: PeerServer {
    let path: String
    let version: Version

    var name: String { "etcd \(version)" }

    func start(directory: String) async throws -> any RunningPeer {
        let port = try await freePort()
        let client = "http://\(loopback):\(port)"
        let peer = "http://\(loopback):\(try await freePort())"
        let options = [
            "--name", "peer", "--data-dir", directory + "/data", "--listen-client-urls", client,
            "--advertise-client-urls", client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
            "--initial-cluster", "peer=" + peer, "--logger", "zap", "--log-level", "error",
            // More than the 2 GiB that it allows itself, which a large run fills.
            "--quota-backend-bytes", "\(8 << 30)",
        ]
        return try await RunningEtcd(ServerProcess(path, options, directory: directory), port: port)
    }
}
