import Synchronization

/// The store as etcd's own: a put is `Put`, the revision is that of the response's header, a watch is a watch.
final class EtcdClient: PeerClient {
    private let pool: Pool<EtcdConnection>
    /// Watch IDs are chosen here, from 1: the server takes 0 for none.
    private let watches = Atomic<Int64>(0)

    init(port: Int, connections: Int) async throws {
        pool = try await Pool(connections) { try await EtcdConnection(port: port) }
    }

    func put(_ key: String, _ value: [UInt8]) async throws -> Int64 {
        try await pool.next.put(key, value)
    }

    func watch(
        prefix: String, from revision: Int64?, onEvent: @escaping @Sendable (Int64, String) -> Void
    ) async throws -> any PeerWatch {
        let watch = Watch(connection: pool.next, id: watches.wrappingAdd(1, ordering: .relaxed).newValue)
        try await watch.connection.watch(watch.id, KeySelection(prefix: prefix), from: revision, onEvent)
        return watch
    }

    func close() async {
        for connection in pool.connections { await connection.close() }
    }

    private struct Watch: PausingWatch {
        let connection: EtcdConnection
        let id: Int64

        func stopReading() async throws { try await connection.stopReading() }

        func cancel() async { try? connection.cancelWatch(id) }
    }
}
