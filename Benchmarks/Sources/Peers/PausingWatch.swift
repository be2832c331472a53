/// A watch that can stop reading, to show what a watcher that does not read does to a server.
public protocol PausingWatch: PeerWatch {
    /// Reads nothing more from the connection that the watch is on, for good: the buffers of the sockets fill, then the
    /// server's. Whatever else is on that connection stops with it.
    func stopReading() async throws
}
