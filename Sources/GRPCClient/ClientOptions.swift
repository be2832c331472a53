public import NIOCore

/// How a ``Client`` connects and what it puts up with.
public struct ClientOptions: Sendable {
    /// How long connecting may take, until the server has said that it speaks HTTP/2.
    public var connectTimeout: TimeAmount = .seconds(10)
    /// The largest message that an answer may have, in bytes.
    public var maximumMessageBytes = 64 << 20
    /// A connection on which nothing was read for so long is asked whether it is alive, and given up if it does not answer
    /// within as long again; nil to wait for ever.
    public var keepaliveInterval: TimeAmount?

    /// The defaults.
    public init() {}
}
