import GRPCServer
public import Logging
import NIOCore
public import ServiceLifecycle
import Threads
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
    let member: Member
    private let quota: Quota?
    private let monitoring: MonitoringServer?

    private init(_ server: Server, _ member: Member, _ monitoring: MonitoringServer?, logger: Logger) {
        self.server = server
        self.member = member
        self.monitoring = monitoring
        quota = member.options.quotaBytes.map { Quota(member: member, bytes: $0, logger: logger) }
    }

    /// Listens at once; what connects is served as soon as ``run()`` is called, which it must be. The store stays the
    /// caller's, to be closed after ``run()`` returned.
    ///
    /// - Throws: ``ServingError`` for an address that other machines reach, without
    ///   ``GRPCServer/ServerOptions/tls`` or ``EtcdServerOptions/allowsInsecure``, and if the metrics cannot be served;
    ///   `TLSError` for certificates that cannot be used; an error of the system if it cannot listen there.
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
        var options = options
        options.connections.overloaded = .tooManyRequests
        let member = try Member(store: store, options: options)
        let auth = try Auth(
            store, tokenLifetime: options.tokenLifetime, hashing: options.hashing, now: options.now)
        let methods = try methods(of: member, auth)
        let pages = MonitoringPages(member: member, logger: logger)
        if !options.servesOnlyGRPC {
            options.connections.otherwise = { try pages.serve($0, $1) }
            options.connections.page = { pages.page($0, $1) }
        }
        let server = try await Server.bind(
            host: options.host, port: options.port, methods: methods.map { $0.guarded(by: auth) },
            options: options.connections, logger: logger)
        let url = "\(isEncrypted ? "https" : "http")://\(options.host):\(server.address.port ?? options.port)"
        member.clientURL.withLock { $0 = options.advertisedURL ?? url }
        return EtcdServer(server, member, try await monitoring(pages, server), logger: logger)
    }

    /// All methods, each with its rule.
    static func methods(of member: Member, _ auth: Auth) throws -> [ServedMethod] {
        let methods =
            StoreService(member: member).methods + KVService(member: member).methods
            + WatchService(member: member).methods + LeaseService(member: member).methods
            + MaintenanceService(member: member).methods + AuthService(member: member, auth: auth).methods
            + HealthService(member: member).methods + ClusterService(member: member).methods
        return methods + (try ReflectionService(of: methods).methods)
    }

    private static func monitoring(_ pages: MonitoringPages, _ server: Server) async throws -> MonitoringServer? {
        guard let address = pages.member.options.monitoring else { return nil }
        do {
            return try await MonitoringServer(host: address.host, port: address.port) { channel in
                try pages.serve(channel) { server.statistics }
            }
        } catch {
            throw ServingError("cannot listen on \(address.host):\(address.port) for metrics: \(error)")
        }
    }

    /// The port on which it listens, also if any free one was asked for.
    public var port: Int { server.address.port ?? 0 }

    /// The port of the metrics; nil if they are not served.
    public var monitoringPort: Int? { monitoring?.port }

    /// Reads the certificates again. See ``GRPCServer/Server/reloadCertificates()``.
    public func reloadCertificates() {
        server.reloadCertificates()
    }

    /// Serves until the task is cancelled or a graceful shutdown is triggered. See ``GRPCServer/Server/run()``.
    public func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            if let quota { group.addTask { await quota.run() } }
            group.addTask { [alarms = member.alarms] in await alarms.keepSaved() }
            group.addTask { [member] in await member.watchForStalls() }
            // To the end, so that it can be seen.
            if let monitoring { group.addTask { try await monitoring.run() } }
            let member = member
            try await withGracefulShutdownHandler {
                try await server.run()
            } onGracefulShutdown: {
                member.beginShutdown()
            }
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
