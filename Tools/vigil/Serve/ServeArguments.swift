import ArgumentParser
import GRPCServer
import Logging
import NIOCore
import VigilServer

/// The options of `serve` besides those of encryption. Each is also a setting of the environment and of a file: see
/// ``ServeSettings``.
struct ServeArguments: ParsableArguments {
    @Option(help: ArgumentHelp("Where to listen.", valueName: "host:port"))
    var listen = ListenAddress(host: "127.0.0.1", port: 2379)
    @Option(
        help: ArgumentHelp("How clients are told to reach it; what --listen says, if not given.", valueName: "url"))
    var advertise: String?
    @Option(
        help: ArgumentHelp(
            "Serve /metrics for Prometheus, /health, /livez and /readyz there, in clear text.", valueName: "host:port"))
    var metricsListen: ListenAddress?
    @Flag(help: "Serve nothing but gRPC where clients connect, and no /metrics, /health and /version.")
    var grpcOnly = false
    @Option(
        help: ArgumentHelp(
            "Put nothing any more when the data file is larger, and raise the alarm NOSPACE.", valueName: "size"))
    var quota: SizeArgument?
    @Option(
        help: ArgumentHelp("How long calls may still run when the server is told to end.", valueName: "duration"))
    var shutdownGrace = DurationArgument(milliseconds: 10_000)
    @Option(help: ArgumentHelp("What is logged on standard error; debug has every call.", valueName: "level"))
    var logLevel = LogLevel.info
    @Option(help: ArgumentHelp("Log a call that takes so long as a warning.", valueName: "duration"))
    var slowCall = DurationArgument(milliseconds: 300)

    /// What they mean to the server.
    func apply(to options: inout EtcdServerOptions) {
        options.host = listen.host
        options.port = listen.port
        options.advertisedURL = advertise
        options.monitoring = metricsListen.map { MonitoringAddress(host: $0.host, port: $0.port) }
        options.servesOnlyGRPC = grpcOnly
        options.quotaBytes = quota.flatMap { $0.bytes > 0 ? $0.bytes : nil }
        options.connections.shutdownGrace = .milliseconds(shutdownGrace.milliseconds)
        options.connections.slowCall = .milliseconds(slowCall.milliseconds)
    }
}

/// How much is logged, from everything to almost nothing.
enum LogLevel: String, CaseIterable, ExpressibleByArgument {
    case trace, debug, info, notice, warning, error, critical

    var level: Logger.Level { Logger.Level(rawValue: rawValue)! }
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
