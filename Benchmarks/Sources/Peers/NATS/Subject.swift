import NIOCore

/// Keys as subjects of NATS, whose words stand between dots.
///
/// The levels of a key become words, so that a wildcard selects what a prefix does: "/" and "." change places, after
/// `kv.`. The key `services/web.1` is the subject `kv.services.web/1`, the prefix `services/` is `kv.services.>`.
enum Subject {
    private static let root = "kv."
    static let all = root + ">"

    static func of(_ key: String) throws -> String {
        let words = key.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        let isAllowed = key.utf8.allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: "*") && $0 != UInt8(ascii: ">") }
        guard isAllowed, words.allSatisfy({ !$0.isEmpty }) else {
            throw PeerError("NATS has no subject for the key \"\(key)\"")
        }
        return root + String(decoding: key.utf8.map(swapped), as: UTF8.self)
    }

    static func of(_ selection: KeySelection) throws -> String {
        switch selection {
        case .all: all
        case .prefix(let prefix): try of(String(prefix.dropLast())) + ".>"
        case .key(let key): try of(key)
        }
    }

    static func key(_ subject: ByteBufferView) -> String {
        String(decoding: subject.dropFirst(root.utf8.count).map(swapped), as: UTF8.self)
    }

    private static func swapped(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "/"): UInt8(ascii: ".")
        case UInt8(ascii: "."): UInt8(ascii: "/")
        default: byte
        }
    }
}
