public import GRPCWire
import Threads

/// What a server has counted.
public struct ServerStatistics: Sendable {
    /// Connections that are open.
    public var connections: Int
    /// Connections that a limit has refused.
    public var refusedConnections: Int
    /// Of each method, in the order of their paths.
    public var calls: [CallStatistics]
}

/// What was counted of one method.
public struct CallStatistics: Sendable {
    /// As in `/package.Service/Method`.
    public var path: String
    /// How many messages go each way.
    public var shape: Method.Shape
    /// Calls that began.
    public var started: Int
    /// Calls that ended, by how.
    public var handled: [(code: Status.Code, count: Int)]
    /// Messages of clients, and to them.
    public var received: Int
    public var sent: Int
}

/// The counters behind ``CallStatistics``.
final class CallCounters: Sendable {
    let started = Counter()
    let received = Counter()
    let sent = Counter()
    private let handled = Status.Code.allCases.map { _ in Counter() }

    func ended(_ code: Status.Code) {
        handled[code.rawValue].add()
    }

    func statistics(of method: Method) -> CallStatistics {
        CallStatistics(
            path: method.path, shape: method.shape, started: started.value,
            handled: Status.Code.allCases.map { ($0, handled[$0.rawValue].value) }, received: received.value,
            sent: sent.value)
    }
}
