import ArgumentParser
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
            password. Ends on Ctrl-C or SIGTERM: calls that run are finished, watches \
            are ended, and nothing that was acknowledged is lost.

            Revisions are one more than those of the other commands: etcd counts the empty store as revision 1.
            """)

    @OptionGroup var arguments: DirectoryArguments
    @Option(help: ArgumentHelp("Where to listen.", valueName: "host:port"))
    var listen: ListenAddress = ListenAddress(host: "127.0.0.1", port: 2379)
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

    func run() async throws {
        let tls = try tls.options()
        DescriptorLimit.raise()
        try await arguments.withStore(.readWrite) { store in
            var logger = Logger(label: "vigil") { StreamLogHandler.standardError(label: $0) }
            logger.logLevel = .info
            var options = EtcdServerOptions()
            options.host = listen.host
            options.port = listen.port
            options.allowsInsecure = insecure
            options.connections.tls = tls
            limits.apply(to: &options)
            options.tokenLifetime = .seconds(authTokenTTL)
            let server: EtcdServer
            do {
                server = try await EtcdServer.bind(store, options: options, logger: logger)
            } catch let error as ServingError {
                throw InputError(error.description)
            } catch let error as TLSError {
                throw InputError(error.description)
            } catch let error as StoreError {
                throw error
            } catch {
                throw InputError("cannot listen on \(listen): \(error)")
            }
            let announced = Announced(server: server) { announce(server, store) }
            let services = ServiceGroup(
                services: [announced] + (tls == nil ? [] : [Reloading(server: server)]),
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
            try await services.run()
        }
    }

    /// Says on standard output where it listens, since port 0 is one that is free.
    private func announce(_ server: EtcdServer, _ store: WatchStore) {
        let port = server.port
        if arguments.json {
            var json = JSONObject()
            json.add("listen", "\(listen.host):\(port)")
            json.add("data", arguments.data)
            json.add("head", store.head)
            Output.standard.line(json)
        } else {
            Output.standard.line("serving \(arguments.data) on \(listen.host):\(port), at revision \(store.head)")
        }
        Output.standard.flush()
    }
}

/// Says that it serves only when the signals that end it are heard.
private struct Announced: Service {
    let server: EtcdServer
    let announce: @Sendable () -> Void

    func run() async throws {
        announce()
        try await server.run()
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

/// A host and a port, as in `127.0.0.1:2379` and `[::1]:2379`.
struct ListenAddress: ExpressibleByArgument, CustomStringConvertible {
    var host: String
    var port: Int

    init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    init?(argument: String) {
        guard let colon = argument.lastIndex(of: ":"),
            let port = UInt16(argument[argument.index(after: colon)...])
        else { return nil }
        var host = String(argument[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        guard !host.isEmpty else { return nil }
        self.init(host: host, port: Int(port))
    }

    var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
