public import NIOCore

/// Sizes and rhythms of a ``Server``. The defaults are those that clients of etcd expect.
public struct ServerOptions: Sendable {
    /// The largest message that a call may receive, after decompression, in bytes.
    public var maximumMessageBytes = 2 << 20
    /// Encrypts. Nil: plain text, for this machine alone.
    public var tls: TLSOptions?
    /// Serves a connection whose client speaks something else than HTTP/2, on the connection's event loop; with TLS, one
    /// that does not offer `h2` by ALPN. It gets what it may need to say what is counted here, and bounds what it serves
    /// itself: the connection counts no more. Nil: such a connection is closed.
    public var otherwise:
        (@Sendable (_ channel: any Channel, @escaping @Sendable () -> ServerStatistics) throws -> Void)?
    /// Makes the page that a `GET` or `HEAD` by HTTP/2 asks for, on a thread that may block; it gets what it may need to say
    /// what is counted here. Nil: such a request is answered with the status 405.
    public var page: (@Sendable (PageRequest, _ statistics: () -> ServerStatistics) -> Page)?
    /// Bytes of all headers of a request, as HPACK counts them: 32 for each besides its name and value.
    public var maximumHeaderBytes = 16 << 10
    /// Calls that one connection may have open at a time; a client queues what is beyond.
    public var maximumStreams = 1024
    /// Bytes of answers of one connection that its client has not taken; the call whose message is beyond is ended.
    public var maximumUnsentBytes = 256 << 20
    /// Calls of all connections at a time; what is beyond is answered with ``overloaded``.
    public var maximumCalls = 100_000
    /// What a client is told whose call is one too many.
    public var overloaded = Status(.resourceExhausted, "the server has as many calls as it takes; try again later")
    /// Connections open at a time; what is beyond is closed when it is accepted. Fewer, if the process may not have so many
    /// files open: see ``DescriptorLimit``.
    public var maximumConnections = 10_000
    /// Connections open at a time that have not yet sent what a client sends first, nor finished the handshake of TLS: what
    /// is beyond takes the place of one that has had a second for it, or else is closed when it is accepted.
    public var maximumHandshakes = 1000
    /// A connection that has not got so far by then is closed.
    public var handshakeTimeout: TimeAmount = .seconds(10)
    /// A connection that has had no call for so long is told to go; its client makes another when it needs one. Nil: it may
    /// stay.
    public var idleTimeout: TimeAmount?
    /// A connection on which nothing has been read for so long is asked whether it is alive.
    public var keepaliveInterval: TimeAmount = .seconds(60)
    /// A connection that has not answered for so long is closed.
    public var keepaliveTimeout: TimeAmount = .seconds(20)
    /// A client that pings more often than this, while it is sent nothing, is told `too_many_pings` and closed.
    public var minimumPingInterval: TimeAmount = .seconds(5)
    /// A call with one message each way that took so long is logged as a warning.
    public var slowCall: TimeAmount = .milliseconds(300)
    /// How long calls may still run after the shutdown began.
    public var shutdownGrace: TimeAmount = .seconds(10)

    /// The defaults.
    public init() {}
}
