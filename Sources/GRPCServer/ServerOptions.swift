public import NIOCore

/// Sizes and rhythms of a ``Server``. The defaults are those that clients of etcd expect.
public struct ServerOptions: Sendable {
    /// The largest message that a call may receive, after decompression, in bytes.
    public var maximumMessageBytes = 2 << 20
    /// Encrypts. Nil: plain text, for this machine alone.
    public var tls: TLSOptions?
    /// Calls that one connection may have open at a time; a client queues what is beyond.
    public var maximumStreams = 1024
    /// Connections open at a time; what is beyond is closed when it is accepted.
    public var maximumConnections = 10_000
    /// Connections open at a time that have not yet sent what a client sends first, nor finished the handshake of TLS: what
    /// is beyond takes the place of one that has had a second for it, or else is closed when it is accepted.
    public var maximumHandshakes = 1000
    /// A connection that has not got so far by then is closed.
    public var handshakeTimeout: TimeAmount = .seconds(10)
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
