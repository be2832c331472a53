public import NIOSSL

extension Client {
    /// How a connection is encrypted, and by what the two ends know each other.
    public struct TLS: Sendable {
        /// As NIOSSL has it; the protocol is negotiated anyway.
        public var configuration: TLSConfiguration
        /// The name that the server's certificate must be for; nil for the one that is connected to.
        public var host: String?

        /// By a configuration of NIOSSL.
        public init(_ configuration: TLSConfiguration, host: String? = nil) {
            self.configuration = configuration
            self.host = host
        }

        /// By files in PEM.
        ///
        /// - Parameters:
        ///   - authorities: Those that the server's certificate must come from; nil for those that the system trusts.
        ///   - certificate: The client's own, and those between it and an authority, for a server that asks for one.
        ///   - key: The key of that certificate.
        ///   - host: The name that the server's certificate must be for; nil for the one that is connected to.
        /// - Throws: ``TLSFileError`` if a file cannot be read or is not what it should be.
        public init(
            authorities: String? = nil, certificate: String? = nil, key: String? = nil, host: String? = nil
        ) throws {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.minimumTLSVersion = .tlsv12
            if let authorities {
                configuration.trustRoots = .certificates(
                    try Self.read(authorities) { try NIOSSLCertificate.fromPEMFile(authorities) })
            }
            if let certificate {
                configuration.certificateChain = try Self.read(certificate) {
                    try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) }
                }
            }
            if let key {
                configuration.privateKey = .privateKey(
                    try Self.read(key) { try NIOSSLPrivateKey(file: key, format: .pem) })
            }
            self.init(configuration, host: host)
        }

        func context() throws -> NIOSSLContext {
            var configuration = configuration
            configuration.applicationProtocols = ["h2"]
            return try NIOSSLContext(configuration: configuration)
        }

        private static func read<R>(_ file: String, _ body: () throws -> R) throws -> R {
            do {
                return try body()
            } catch {
                throw TLSFileError(description: "cannot use \(file): \(error)")
            }
        }
    }
}

/// A file of certificates or keys cannot be used.
public struct TLSFileError: Error, CustomStringConvertible {
    public let description: String
}
