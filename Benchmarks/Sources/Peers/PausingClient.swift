/// A client that can stop reading, to show what a watcher that does not read does to a server.
public protocol PausingClient: PeerClient {
    /// Reads nothing more from any connection of this client: the buffers of the sockets fill, then the server's.
    func stopReading() async throws
}
