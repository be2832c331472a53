import GRPCServer
import Logging
import NIOCore
import Vigil

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What those are told who look after this process: `/metrics` is for Prometheus, `/health` and `/version` say what etcd
/// says there, `/livez` and `/readyz` are for orchestrators.
struct MonitoringPages: Sendable {
    let member: Member
    let logger: Logger
    private let connections = PageConnections()

    init(member: Member, logger: Logger) {
        self.member = member
        self.logger = logger
    }

    /// Serves a connection, on its event loop.
    func serve(_ channel: any Channel, _ statistics: @escaping @Sendable () -> ServerStatistics) throws {
        try PageHandler.serve(channel, counting: connections) { page($0, statistics) }
    }

    /// What is asked for; it may block.
    func page(_ request: PageRequest, _ statistics: () -> ServerStatistics) -> Page {
        switch request.path {
        case "/metrics": return metrics(statistics())
        case "/version":
            return .init(
                type: "application/json",
                body: #"{"etcdserver":"\#(Member.apiVersion)","etcdcluster":"\#(Member.clusterVersion)"}"#)
        case "/health": return health(excluding: request.parameters)
        // Whoever reads this is alive.
        case "/livez": return .init(body: "ok\n")
        case "/readyz": return readiness()
        default:
            return .init(status: 404, body: "there are /metrics, /health, /version, /livez and /readyz\n")
        }
    }

    private func metrics(_ statistics: ServerStatistics) -> Page {
        do {
            let text = try ServerMetrics(member: member, server: statistics).page()
            return .init(type: Exposition.contentType, body: text)
        } catch {
            logger.error("a request for metrics failed", metadata: ["error": "\(error)"])
            return .init(status: 500, body: "\(error)\n")
        }
    }

    /// As etcd: whether it takes writes. `exclude=NOSPACE` leaves that alarm out of account.
    private func health(excluding parameters: [Substring]) -> Page {
        let excluded = parameters.filter { $0.hasPrefix("exclude=") }.map { $0.dropFirst("exclude=".count) }
        let alarms = member.alarms.raised.map(\.kind.name).filter { name in !excluded.contains { $0 == name } }
        let reason = readFailure() ?? alarms.first.map { "ALARM \($0)" } ?? ""
        return .init(
            status: reason.isEmpty ? 200 : 503, type: "application/json",
            body: #"{"health":"\#(reason.isEmpty)","reason":"\#(reason)"}"# + "\n")
    }

    /// Whether requests should be sent here: not while it shuts down, nor if what it would answer cannot be trusted.
    private func readiness() -> Page {
        var problems: [String] = []
        if member.isShuttingDown { problems.append("the server is shutting down") }
        if member.alarms.raised.contains(where: { $0.kind == .corrupt }) { problems.append("ALARM CORRUPT") }
        if let failure = readFailure() { problems.append(failure) }
        guard !problems.isEmpty else { return .init(body: "ok\n") }
        return .init(status: 503, body: problems.map { "not ready: \($0)\n" }.joined())
    }

    /// Why the store cannot be read, if it cannot. Without what the operating system adds, which may hold a quote.
    private func readFailure() -> String? {
        do {
            _ = try member.store.get("health")
            return nil
        } catch let error as StoreError {
            return "the store cannot be read: \(error.code)"
        } catch {
            return "the store cannot be read"
        }
    }
}
