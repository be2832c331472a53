import NIOCore
import NIOPosix

/// The only address that servers are started on.
let loopback = "127.0.0.1"

/// A port that was free a moment ago.
func freePort() async throws -> Int {
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .bind(host: loopback, port: 0).get()
    defer { channel.close(promise: nil) }
    guard let port = channel.localAddress?.port else { throw PeerError("no free port") }
    return port
}
