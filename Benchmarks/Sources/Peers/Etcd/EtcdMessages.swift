import NIOCore

/// The messages of etcd's API that are needed here, in the numbers of its `rpc.proto`.
enum EtcdMessages {
    /// `PutRequest`: 1 key, 2 value.
    static func put(_ key: String, _ value: [UInt8]) -> ByteBuffer {
        var message = ByteBuffer()
        message.reserveCapacity(key.utf8.count + value.count + 12)
        message.writeField(1, key.utf8)
        message.writeField(2, value)
        return message
    }

    /// `RangeRequest`: 1 key, which need not be there.
    static func get(_ key: String) -> ByteBuffer {
        var message = ByteBuffer()
        message.writeField(1, key.utf8)
        return message
    }

    /// `WatchRequest`: 1 create request, of 1 key, 2 end of the range, 3 start revision, 7 ID of the watch.
    static func createWatch(_ id: Int64, _ selection: KeySelection, from revision: Int64?) -> ByteBuffer {
        var create = ByteBuffer()
        switch selection {
        case .all:
            create.writeField(1, [0])
            create.writeField(2, [0])
        case .prefix(let prefix):
            create.writeField(1, prefix.utf8)
            // The first key after all that begin with it: "/" ends it, and "0" comes next.
            create.writeField(2, prefix.utf8.dropLast() + [UInt8(ascii: "/") + 1])
        case .key(let key):
            create.writeField(1, key.utf8)
        }
        if let revision { create.writeField(3, max(revision, 1)) }
        create.writeField(7, id)
        return request(1, create)
    }

    /// `WatchRequest`: 2 cancel request, of 1 ID of the watch.
    static func cancelWatch(_ id: Int64) -> ByteBuffer {
        var cancel = ByteBuffer()
        cancel.writeField(1, id)
        return request(2, cancel)
    }

    /// Any response: 1 header, of 3 revision.
    static func revision(of response: ByteBuffer) throws -> Int64 {
        var response = response
        while let field = try response.readField() {
            guard field.number == 1 else { continue }
            var header = field.bytes
            while let field = try header.readField() {
                if field.number == 3 { return field.integer }
            }
        }
        throw PeerError("a response of etcd has no revision")
    }

    private static func request(_ number: UInt64, _ body: ByteBuffer) -> ByteBuffer {
        var message = ByteBuffer()
        message.writeField(number, body.readableBytesView)
        return message
    }
}

/// `WatchResponse`: 2 ID of the watch, 3 created, 4 canceled, 6 why, 11 events, each of 1 type and 2 key-value, of
/// 1 key and 3 revision.
struct EtcdWatchResponse {
    var id: Int64 = 0
    var isCreated = false
    var isCanceled = false
    var reason = ""
    var events: [(revision: Int64, key: String)] = []

    init(_ message: ByteBuffer) throws {
        var message = message
        while let field = try message.readField() {
            switch field.number {
            case 2: id = field.integer
            case 3: isCreated = field.integer != 0
            case 4: isCanceled = field.integer != 0
            case 6: reason = String(buffer: field.bytes)
            case 11: events.append(try Self.event(field.bytes))
            default: break
            }
        }
    }

    private static func event(_ message: ByteBuffer) throws -> (revision: Int64, key: String) {
        var (event, result) = (message, (revision: Int64(0), key: ""))
        while let field = try event.readField() {
            guard field.number == 2 else { continue }
            var pair = field.bytes
            while let field = try pair.readField() {
                if field.number == 1 { result.key = String(buffer: field.bytes) }
                if field.number == 3 { result.revision = field.integer }
            }
        }
        return result
    }
}
