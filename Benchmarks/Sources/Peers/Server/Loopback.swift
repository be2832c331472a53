import NIOCore
import NIOPosix

/// The only address that servers are started on.
let loopback = "127.0.0.1"

/// A port that was free a moment ago.
func freePort() async throws -> Int {
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .bind(host: loopback, port: 0).get()
    let port = channel.localAddress?.port
    // Waited for, or the port would not be free yet.
    try await channel.close().get()
    guard let port else { throw PeerError("no free port") }
    return port
}
