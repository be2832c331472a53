import GRPCServer
public import Logging
import NIOCore
public import ServiceLifecycle
public import Vigil

/// Serves a store by the API of etcd v3, which clients of many languages speak.
///
/// ```swift
/// let server = try await EtcdServer.bind(store, options: options, logger: logger)
/// try await server.run()
/// try await store.close()
/// ```
///
/// Revisions on the wire are one more than the store's: etcd's empty store is at revision 1.
public final class EtcdServer: Service {
    private let server: Server
    private let quota: Quota?

    private init(_ server: Server, _ quota: Quota?) {
        self.server = server
        self.quota = quota
    }

    /// Listens at once; what connects is served as soon as ``run()`` is called, which it must be. The store stays the
    /// caller's, to be closed after ``run()`` returned.
    ///
    /// - Throws: ``ServingError`` for an address that other machines reach, without
    ///   ``GRPCServer/ServerOptions/tls`` or ``EtcdServerOptions/allowsInsecure``; `TLSError` for certificates that cannot
    ///   be used; an error of the system if it cannot listen there.
    public static func bind(
        _ store: WatchStore, options: EtcdServerOptions = EtcdServerOptions(), logger: Logger
    ) async throws -> EtcdServer {
        let address = try SocketAddress.makeAddressResolvingHost(options.host, port: options.port)
        let isEncrypted = options.connections.tls != nil
        guard isEncrypted || options.allowsInsecure || address.isLoopback else {
            throw ServingError(
                "\(options.host) can be reached from other machines, and nothing is encrypted: give it a certificate with "
                    + "--tls-cert and --tls-key, serve 127.0.0.1, or ask for it explicitly with --insecure")
        }
        let path = store.path
        try await onThread { SnapshotFile.removeLeftovers(in: path) }
        let scheme = isEncrypted ? "https" : "http"
        var options = options
        options.connections.overloaded = .tooManyRequests
        let member = try Member(store: store, options: options)
        let methods =
            StoreService(member: member).methods
            + KVService(member: member).methods + WatchService(member: member).methods + LeaseService(member: member).methods
            + MaintenanceService(member: member).methods + HealthService(member: member).methods
            + ClusterService(member: member, url: "\(scheme)://\(options.host):\(options.port)").methods
        return EtcdServer(
            try await Server.bind(
                host: options.host, port: options.port, methods: methods + ReflectionService(of: methods).methods,
                options: options.connections, logger: logger),
            options.quotaBytes.map { Quota(member: member, bytes: $0, logger: logger) })
    }

    /// The port on which it listens, also if any free one was asked for.
    public var port: Int { server.address.port ?? 0 }

    /// Reads the certificates again. See ``GRPCServer/Server/reloadCertificates()``.
    public func reloadCertificates() {
        server.reloadCertificates()
    }

    /// Serves until the task is cancelled or a graceful shutdown is triggered. See ``GRPCServer/Server/run()``.
    public func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            if let quota { group.addTask { await quota.run() } }
            try await server.run()
            group.cancelAll()
        }
    }
}

/// A store cannot be served so.
public struct ServingError: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}

extension SocketAddress {
    /// Whether only this machine reaches it.
    var isLoopback: Bool {
        switch self {
        case .v4: ipAddress?.hasPrefix("127.") ?? false
        case .v6: ipAddress == "::1"
        case .unixDomainSocket: true
        }
    }
}
