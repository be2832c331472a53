/// The store as a stream of JetStream in one file store.
///
/// A put publishes the value to the key's subject and waits until the stream acknowledges it; the position in the
/// stream is the revision. A watch is an ephemeral push consumer with a filter, in order and without acknowledgements.
final class NATSClient: PeerClient {
    private let pool: Pool<NATSConnection>

    init(port: Int, connections: Int) async throws {
        pool = try await Pool(connections) { try await NATSConnection(port: port) }
    }

    func put(_ key: String, _ value: [UInt8]) async throws -> Int64 {
        try await pool.next.publish(try Subject.of(key), value)
    }

    func watch(
        prefix: String, from revision: Int64?, onEvent: @escaping @Sendable (Int64, String) -> Void
    ) async throws -> any PeerWatch {
        let connection = pool.next
        let (subject, number) = try connection.subscribe { message in
            guard let position = message.streamPosition, let subject = message.subject else { return }
            onEvent(position, Subject.key(subject))
        }
        let consumer = try await connection.createConsumer(
            KeySelection(prefix: prefix), from: revision, to: subject)
        return Watch(connection: connection, number: number, consumer: consumer)
    }

    func close() async {
        for connection in pool.connections { await connection.close() }
    }

    private struct Watch: PausingWatch {
        let connection: NATSConnection
        let number: Int
        let consumer: String

        func stopReading() async throws { try await connection.stopReading() }

        func cancel() async {
            try? connection.unsubscribe(number)
            try? await connection.deleteConsumer(consumer)
        }
    }
}
