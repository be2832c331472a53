/// A server that was found on this machine and can be started on loopback for a measurement.
public protocol PeerServer: Sendable {
    var name: String { get }  // "etcd 3.5.1", "Redis Streams 7.0.15", "NATS JetStream 2.9"
    /// Starts it with its data in `directory`, as durable as it can be, on a free port; returns when it answers.
    func start(directory: String) async throws -> any RunningPeer
}
public protocol RunningPeer: Sendable {
    var process: ServerProcess { get }
    /// A client with one or more connections of its own, for one or many concurrent callers.
    func connect(connections: Int) async throws -> any PeerClient
}
public protocol PeerClient: Sendable {
    /// Puts durably; returns the revision (stream position) of the change. Any number of tasks may call it at once.
    func put(_ key: String, _ value: [UInt8]) async throws -> Int64
    /// Calls `onEvent` with (revision, key) for each change whose key begins with `prefix` (the whole key for one key),
    /// from `revision` on or from now on if nil, until the watch is cancelled.
    func watch(
        prefix: String, from revision: Int64?, onEvent: @escaping @Sendable (Int64, String) -> Void
    ) async throws -> any PeerWatch
    func close() async
}
public protocol PeerWatch: Sendable { func cancel() async }
/// Every peer whose server program is installed here.
public func installedPeers() -> [any PeerServer] {
    Programs.paths(of: "vigil").prefix(1).map(VigilServer.init)
        + Programs.find("etcd").map(EtcdServer.init) + redisServers(keepingValues: false)
        + Programs.find("nats-server").map(NATSServer.init)
}

/// Redis with a stream and the newest value of each key, which all others have anyway.
public func peersWithValues() -> [any PeerServer] { redisServers(keepingValues: true) }

private func redisServers(keepingValues: Bool) -> [any PeerServer] {
    Programs.find("redis-server").filter { $0.version >= RedisServer.oldest }.map {
        RedisServer(path: $0.path, version: $0.version, keepsValues: keepingValues)
    }
}
