import NIOCore

/// Reads the stream on a connection of its own, batch after batch, until it is cancelled.
final class RedisWatch: PausingWatch {
    /// Entries in one reply at most.
    private static let batchEntries = "1000"

    private let link: Link<RedisHandler>
    private let task: Task<Void, Never>

    init(
        _ link: Link<RedisHandler>, _ selection: KeySelection, after revision: Int64,
        _ onEvent: @escaping @Sendable (Int64, String) -> Void
    ) {
        self.link = link
        task = Task {
            var last = revision
            // It ends when the connection is closed.
            while let reply = try? await link.command(
                "XREAD", "COUNT", Self.batchEntries, "BLOCK", "0", "STREAMS", RedisClient.stream, "0-\(last)"),
                let read = try? Self.deliver(reply, selection, onEvent)
            {
                last = read
            }
        }
    }

    func stopReading() async throws { try await link.stopReading() }

    func cancel() async {
        await link.close()
        await task.value
    }

    /// The reply is one pair of the stream's name and its entries, each an ID and a list of field, value, field, value.
    private static func deliver(
        _ reply: ByteBuffer, _ selection: KeySelection, _ onEvent: (Int64, String) -> Void
    ) throws -> Int64? {
        var reader = RESPReader(reply)
        guard try reader.array() == 1, try reader.array() == 2 else { return nil }
        _ = try reader.bytes()
        var last: Int64?
        for _ in 0..<(try reader.array()) {
            _ = try reader.array()
            let revision = try reader.revision()
            _ = try reader.array()
            _ = try reader.bytes()
            let key = try reader.bytes()
            _ = try reader.bytes()
            _ = try reader.bytes()
            if selection.contains(reply.viewBytes(at: key.lowerBound, length: key.count)) {
                onEvent(revision, reader.text(key))
            }
            last = revision
        }
        return last
    }
}

extension KeySelection {
    func contains(_ key: ByteBufferView?) -> Bool {
        guard let key else { return false }
        return switch self {
        case .all: true
        case .prefix(let prefix): key.starts(with: prefix.utf8)
        case .key(let wanted): key.elementsEqual(wanted.utf8)
        }
    }
}
