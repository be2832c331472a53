/// `vigil serve`, as it comes: each commit is flushed before it is acknowledged.
struct VigilServer: PeerServer {
    let path: String

    let name = "Vigil server"

    func start(directory: String) async throws -> any RunningPeer {
        let port = try await freePort()
        let options = ["serve", "--data", directory + "/data", "--listen", "\(loopback):\(port)"]
        return try await RunningEtcd(ServerProcess(path, options, directory: directory), port: port)
    }
}
