import Foundation
import GRPCClient
import NIOCore
import NIOSSL
import TestCertificates
import TestSupport

@testable import GRPCServer

/// The files of a server that encrypts, and authorities for it and for its clients.
struct TLSFolder: Sendable {
    let path: String
    let servers: Authority
    let clients: Authority

    init(_ path: String) throws {
        self.path = path
        servers = try Authority("servers")
        clients = try Authority("clients")
        try write(try clients.pem, to: "clients.crt")
        try put(try servers.issue("server"))
    }

    var options: TLSOptions {
        var options = TLSOptions(
            certificateFile: file("server.crt"), keyFile: file("server.key"), clientCAFile: file("clients.crt"))
        // Reloads when it is told to.
        options.reloadInterval = .hours(1)
        return options
    }

    func file(_ name: String) -> String { path + "/" + name }

    func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: file(name)))
    }

    /// Replaces the server's certificate.
    func put(_ issued: Authority.Issued) throws {
        try write(issued.certificate, to: "server.crt")
        try write(issued.key, to: "server.key")
    }

    /// What a client connects with.
    func client(_ issued: Authority.Issued?, trusting authority: Authority? = nil, host: String = "localhost") throws
        -> Client.TLS
    {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates(
            try NIOSSLCertificate.fromPEMBytes(Array((authority ?? servers).pem.utf8)))
        configuration.applicationProtocols = ["h2"]
        if let issued {
            configuration.certificateChain = try NIOSSLCertificate.fromPEMBytes(Array(issued.certificate.utf8))
                .map { .certificate($0) }
            configuration.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: Array(issued.key.utf8), format: .pem))
        }
        return Client.TLS(configuration, host: host)
    }
}

extension Methods {
    /// Answers with the name that the client's certificate has.
    static let whoAmI = GRPCServer.Method.unary("/test.Test/WhoAmI") { _, call in
        Array((call.peer.commonName ?? "nobody").utf8)
    }
}

/// Runs a server that encrypts for `body`.
func withTLS<R: Sendable>(
    log: LogRecorder = LogRecorder(), _ change: (inout ServerOptions) -> Void = { _ in },
    _ body: (TLSFolder, Server) async throws -> R
) async throws -> R {
    try await withTemporaryDirectory { path in
        let folder = try TLSFolder(path)
        var options = ServerOptions()
        options.tls = folder.options
        change(&options)
        let server = try await Server.bind(
            host: "127.0.0.1", port: 0, methods: [Methods.echo, Methods.echoes, Methods.whoAmI], options: options,
            logger: log.logger)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            let result = try await body(folder, server)
            group.cancelAll()
            try await group.waitForAll()
            return result
        }
    }
}

extension Client {
    /// What the server knows of this client; nil if it does not serve it.
    func whoAmI() async throws -> String? {
        try? await unary("/test.Test/WhoAmI", []).messages.first.map { String(decoding: $0, as: UTF8.self) }
    }
}
