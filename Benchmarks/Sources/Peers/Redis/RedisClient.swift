import NIOCore

/// The store as a stream of Redis.
///
/// A put is one entry of the one stream, `XADD store 0-* k KEY v VALUE`. The ID `0-*` numbers the entries 0-1, 0-2 and
/// so on, which are the revisions. Nothing keeps the current value of a key, as a store on Redis would have to: this
/// makes puts cheaper than they could be in earnest. Unless it `keepsValues`: then a script also sets the key, and both
/// stand in Redis's log as one transaction.
///
/// A watch is `XREAD BLOCK` on a connection of its own, from the last entry that it has seen. Redis cannot select by
/// key: each watch reads the whole stream, and this client leaves out what does not match.
final class RedisClient: PeerClient {
    static let stream = "store"
    private static let script =
        "redis.call('SET', KEYS[1], ARGV[1]) return redis.call('XADD', 'store', '0-*', 'k', KEYS[1], 'v', ARGV[1])"
    private let port: Int
    private let keepsValues: Bool
    private let pool: Pool<Link<RedisHandler>>

    init(port: Int, connections: Int, keepsValues: Bool) async throws {
        self.port = port
        self.keepsValues = keepsValues
        pool = try await Pool(connections) { try await Link(port: port) }
    }

    func put(_ key: String, _ value: [UInt8]) async throws -> Int64 {
        let reply = try await pool.next.request { (batch: inout RedisBatch, continuation) in
            if self.keepsValues {
                batch.bytes.writeRESPArray(5)
                for word in ["EVAL", Self.script, "1", key] { batch.bytes.writeRESP(word) }
            } else {
                batch.bytes.writeStaticString("*7\r\n$4\r\nXADD\r\n$5\r\nstore\r\n$3\r\n0-*\r\n$1\r\nk\r\n")
                batch.bytes.writeRESP(key)
                batch.bytes.writeStaticString("$1\r\nv\r\n")
            }
            batch.bytes.writeRESP(value)
            batch.waiting.append(continuation)
        }
        var reader = RESPReader(reply)
        return try reader.revision()
    }

    func watch(
        prefix: String, from revision: Int64?, onEvent: @escaping @Sendable (Int64, String) -> Void
    ) async throws -> any PeerWatch {
        let link = try await Link<RedisHandler>(port: port)
        let last = if let revision { revision - 1 } else { try await lastRevision(link) }
        return RedisWatch(link, KeySelection(prefix: prefix), after: last, onEvent)
    }

    func close() async {
        for link in pool.connections { await link.close() }
    }

    private func lastRevision(_ link: Link<RedisHandler>) async throws -> Int64 {
        var reader = RESPReader(try await link.command("XREVRANGE", Self.stream, "+", "-", "COUNT", "1"))
        guard try reader.array() > 0 else { return 0 }
        _ = try reader.array()
        return try reader.revision()
    }
}

extension Link<RedisHandler> {
    func command(_ words: String...) async throws -> ByteBuffer {
        try await request { (batch: inout RedisBatch, continuation) in
            batch.bytes.writeRESPArray(words.count)
            for word in words { batch.bytes.writeRESP(word) }
            batch.waiting.append(continuation)
        }
    }
}

extension RESPReader {
    /// What stands after the dash in the ID of an entry.
    mutating func revision() throws -> Int64 {
        let id = try bytes()
        guard let dash = reply.index(of: UInt8(ascii: "-"), from: id.lowerBound), dash < id.upperBound,
            let number = reply.number(in: dash + 1..<id.upperBound)
        else { throw PeerError("\(text(id)) is not the ID of an entry") }
        return Int64(number)
    }
}
