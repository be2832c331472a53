public import NIOCore

/// How a ``Server`` encrypts, and whose certificates it believes: the names of files in PEM, which are read again when
/// they change.
///
/// ```swift
/// var options = ServerOptions()
/// options.tls = TLSOptions(certificateFile: "server.crt", keyFile: "server.key", clientCAFile: "clients.crt")
/// ```
///
/// TLS 1.2 and 1.3 are spoken, and HTTP/2 alone within them, as agreed by ALPN.
public struct TLSOptions: Sendable {
    /// The server's certificate, then those that vouch for it up to, and without, one that clients know.
    public var certificateFile: String
    /// The key of that certificate, without a passphrase.
    public var keyFile: String
    /// The authorities that clients' certificates must come from. Nil: clients are not asked for any.
    public var clientCAFile: String?
    /// Whether a client without a certificate is refused. One with a wrong certificate always is. Means nothing without
    /// ``clientCAFile``.
    public var requiresClientCertificate = true
    /// How often the files are looked at.
    public var reloadInterval: TimeAmount = .seconds(10)

    /// Encryption, and no certificates of clients unless `clientCAFile` is given.
    public init(certificateFile: String, keyFile: String, clientCAFile: String? = nil) {
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        self.clientCAFile = clientCAFile
    }
}

/// Why the files of ``TLSOptions`` cannot be served with: which one, what is wrong with it, and what to do.
public struct TLSError: Error, Sendable, Hashable, CustomStringConvertible {
    /// For a person.
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
