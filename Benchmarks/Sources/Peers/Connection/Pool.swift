import Synchronization

/// Connections that are used in turn.
final class Pool<Connection: Sendable>: Sendable {
    let connections: [Connection]
    private let turn = Atomic(0)

    init(_ count: Int, _ connect: () async throws -> Connection) async throws {
        precondition(count > 0, "a client needs a connection")
        var connections: [Connection] = []
        for _ in 0..<count { connections.append(try await connect()) }
        self.connections = connections
    }

    var next: Connection {
        let turn = turn.wrappingAdd(1, ordering: .relaxed).oldValue
        return connections[Int(UInt(bitPattern: turn) % UInt(connections.count))]
    }
}
