import ArgumentParser
import Foundation
import GRPCServer
import Logging
import ServiceLifecycle
import UnixSignals
import Vigil
import VigilServer

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve the store to clients of etcd v3.",
        discussion: """
            Creates the store if there is none. Without --tls-cert nothing is encrypted, and it serves only this machine \
            unless --insecure is given. With --tls-client-ca clients need a certificate. The files are read again when \
            they change, and on SIGHUP. Users and roles are made with etcdctl; `vigil auth` helps who has lost root's \
            password.

            Every option can also be a variable (VIGIL_METRICS_LISTEN for --metrics-listen) or stand in the file of \
            --config, an object of JSON ({"metrics-listen": "127.0.0.1:2381", "insecure": true}). Options precede \
            variables, which precede the file.

            Ends on Ctrl-C or SIGTERM: calls that run are finished, watches are ended, and nothing that was acknowledged \
            is lost. A second signal ends it at once, with exit code 130; then neither is anything lost, and the next \
            start reads the journal again.

            Revisions are one more than those of the other commands: etcd counts the empty store as revision 1.
            """)

    @OptionGroup var arguments: DirectoryArguments
    @Option(help: ArgumentHelp("A file of settings, as JSON; else VIGIL_CONFIG.", valueName: "file"))
    var config: String?
    @OptionGroup var serving: ServeArguments
    @OptionGroup(title: "Encryption") var tls: TLSArguments
    @OptionGroup(title: "Limits") var limits: LimitArguments
    @Flag(help: "Serve other machines too, without encryption.") var insecure = false
    @Option(
        name: .customLong("auth-token-ttl"),
        help: ArgumentHelp("How long a user that does nothing stays logged in, in seconds.", valueName: "seconds"))
    var authTokenTTL = 300

    func validate() throws {
        guard authTokenTTL > 0 else {
            throw ValidationError("--auth-token-ttl is \(authTokenTTL); it must be at least 1")
        }
    }

    /// The same with what the environment and the file of settings say where `commandLine`, the words behind `serve`, does
    /// not.
    func configured(_ commandLine: [String]) async throws -> ServeCommand {
        let environment = ProcessInfo.processInfo.environment
        let file = config ?? environment["VIGIL_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
        let options = try await ServeSettings.options(file: file, environment: environment)
        return try Self.parse(options + commandLine)
    }

    func run() async throws {
        var options = EtcdServerOptions()
        serving.apply(to: &options)
        options.allowsInsecure = insecure
        options.connections.tls = try tls.options()
        options.tokenLifetime = .seconds(authTokenTTL)
        limits.apply(to: &options)
        DescriptorLimit.raise()
        let (level, asJSON) = (serving.logLevel.level, arguments.json)
        let logger = Logger(label: "vigil") { _ in LineLogHandler(level: level, asJSON: asJSON) }
        try await arguments.withStore(.readWrite) { store in
            let server = try await bind(store, options, logger)
            let announced = Announced(server: server) { announce(server, store) }
            let services = ServiceGroup(
                services: [announced] + (options.connections.tls == nil ? [] : [Reloading(server: server)]),
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
            try await endingAtSecondSignal {
                try await services.run()
                try await store.close()
            }
        }
    }

    private func bind(
        _ store: WatchStore, _ options: EtcdServerOptions, _ logger: Logger
    ) async throws -> EtcdServer {
        do {
            return try await EtcdServer.bind(store, options: options, logger: logger)
        } catch let error as ServingError {
            throw InputError(error.description)
        } catch let error as TLSError {
            throw InputError(error.description)
        } catch let error as StoreError {
            throw error
        } catch {
            throw InputError("cannot listen on \(serving.listen): \(error)")
        }
    }

    /// Says on standard output where it listens, since port 0 is one that is free.
    private func announce(_ server: EtcdServer, _ store: WatchStore) {
        let address = ListenAddress(host: serving.listen.host, port: server.port)
        let metrics = server.monitoringPort.map { ListenAddress(host: serving.metricsListen!.host, port: $0) }
        if arguments.json {
            var json = JSONObject()
            json.add("listen", "\(address)")
            if let metrics { json.add("metrics", "\(metrics)") }
            json.add("data", arguments.data)
            json.add("head", store.head)
            Output.standard.line(json)
        } else {
            Output.standard.line(
                "serving \(arguments.data) on \(address), at revision \(store.head)"
                    + (metrics.map { "; metrics on \($0)" } ?? ""))
        }
        Output.standard.flush()
    }
}

/// Says that it serves only when the signals that end it are heard.
private struct Announced: Service {
    let server: EtcdServer
    let announce: @Sendable () -> Void
    private let notice = ServiceNotice()

    func run() async throws {
        announce()
        notice.ready()
        try await withGracefulShutdownHandler {
            try await server.run()
        } onGracefulShutdown: {
            notice.stopping()
        }
    }
}

/// Reads the certificates again on SIGHUP.
private struct Reloading: Service {
    let server: EtcdServer

    func run() async throws {
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
            server.reloadCertificates()
        }
    }
}
