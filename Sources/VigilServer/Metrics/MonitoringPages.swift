import NIOHTTP1
import Vigil

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What ``MonitoringServer`` answers.
struct MonitoringPages: Sendable {
    let member: Member
    let metrics: ServerMetrics

    func answer(_ request: MonitoringServer.Request) throws -> MonitoringServer.Answer {
        switch request.path {
        case "/metrics":
            return .init(status: .ok, type: Exposition.contentType, body: try metrics.page())
        case "/health": return health(excluding: request.parameters)
        // Whoever reads this is alive.
        case "/livez": return .init(status: .ok, body: "ok\n")
        case "/readyz": return readiness()
        default:
            return .init(status: .notFound, body: "there are /metrics, /health, /livez and /readyz\n")
        }
    }

    /// As etcd: whether it takes writes. `exclude=NOSPACE` leaves that alarm out of account.
    private func health(excluding parameters: [Substring]) -> MonitoringServer.Answer {
        let excluded = parameters.filter { $0.hasPrefix("exclude=") }.map { $0.dropFirst("exclude=".count) }
        let alarms = member.alarms.raised.map(\.kind.name).filter { name in !excluded.contains { $0 == name } }
        let reason = readFailure() ?? alarms.first.map { "ALARM \($0)" } ?? ""
        return .init(
            status: reason.isEmpty ? .ok : .serviceUnavailable, type: "application/json",
            body: #"{"health":"\#(reason.isEmpty)","reason":"\#(reason)"}"# + "\n")
    }

    /// Whether requests should be sent here: not while it shuts down, nor if what it would answer cannot be trusted.
    private func readiness() -> MonitoringServer.Answer {
        var problems: [String] = []
        if member.isShuttingDown { problems.append("the server is shutting down") }
        if member.alarms.raised.contains(where: { $0.kind == .corrupt }) { problems.append("ALARM CORRUPT") }
        if let failure = readFailure() { problems.append(failure) }
        guard !problems.isEmpty else { return .init(status: .ok, body: "ok\n") }
        return .init(
            status: .serviceUnavailable, body: problems.map { "not ready: \($0)\n" }.joined())
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
