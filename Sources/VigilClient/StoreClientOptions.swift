public import GRPCClient

/// How a ``StoreClient`` finds its server, and what it puts up with.
public struct StoreClientOptions: Sendable {
    /// Where the server is.
    public var endpoint: Endpoint
    /// How the connection is encrypted; nil for not at all.
    public var tls: Client.TLS?
    /// Who asks, for a server that wants to know.
    public var user: (name: String, password: String)?
    /// How long a read or a write may take, and for how long a lost connection is tried again.
    public var timeout: Duration = .seconds(30)

    /// A server, without encryption or a name.
    public init(_ endpoint: Endpoint) {
        self.endpoint = endpoint
    }
}
