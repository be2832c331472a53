public import NIOCore

/// Sizes and rhythms of a ``Server``. The defaults are those that clients of etcd expect.
public struct ServerOptions: Sendable {
    /// The largest message that a call may receive, after decompression, in bytes.
    public var maximumMessageBytes = 2 << 20
    /// Calls that one connection may have open at a time; a client queues what is beyond.
    public var maximumStreams = 1024
    /// Connections open at a time; what is beyond is closed when it is accepted.
    public var maximumConnections = 10_000
    /// A connection on which nothing has been read for so long is asked whether it is alive.
    public var keepaliveInterval: TimeAmount = .seconds(60)
    /// A connection that has not answered for so long is closed.
    public var keepaliveTimeout: TimeAmount = .seconds(20)
    /// A client that pings more often than this, while it is sent nothing, is told `too_many_pings` and closed.
    public var minimumPingInterval: TimeAmount = .seconds(5)
    /// How long calls may still run after the shutdown began.
    public var shutdownGrace: TimeAmount = .seconds(10)

    /// The defaults.
    public init() {}
}
