import Logging
public import NIOCore

/// Who is at the other end of a call.
public struct Peer: Sendable, Hashable {
    /// Nil if the connection was gone before it could be asked.
    public var address: SocketAddress?
    /// Whom the client's certificate names, after it was verified to come from ``TLSOptions/clientCAFile``. Nil without
    /// such a certificate, and if it names nobody or more than one.
    public var commonName: String?
}

extension Peer {
    /// For a log.
    var metadata: Logger.Metadata { ["peer": "\(address?.description ?? "unknown")"] }
}
