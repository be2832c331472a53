import Foundation
import Vigil

/// One line of what `import` takes and `export` writes.
enum ImportedChange {
    case put(Bytes, Bytes)
    case delete(Bytes)

    /// Reads `{"key":…,"value":…}` or `{"key":…,"delete":true}`; `key_base64` and `value_base64` hold bytes that are not
    /// UTF-8.
    init(line: Data, number: Int) throws {
        func wrong(_ reason: String) -> InputError { InputError("line \(number): \(reason)") }
        let parsed: Any
        do {
            parsed = try JSONSerialization.jsonObject(with: line)
        } catch {
            throw wrong("not JSON: \(Self.excerpt(line))")
        }
        guard let object = parsed as? [String: Any] else {
            throw wrong("not an object: \(Self.excerpt(line))")
        }
        func bytes(_ name: String) throws -> Bytes? {
            if let value = object[name] {
                guard let text = value as? String else { throw wrong("\"\(name)\" is not a string") }
                return Bytes(text)
            }
            guard let value = object[name + "_base64"] else { return nil }
            guard let text = value as? String, let data = Data(base64Encoded: text) else {
                throw wrong("\"\(name)_base64\" is not base64")
            }
            return Bytes(Array(data))
        }
        guard let key = try bytes("key") else { throw wrong("no \"key\"") }
        guard LogOptions.keyBytes.contains(key.count) else {
            throw wrong(
                "the key has \(key.count) bytes; it must have \(LogOptions.keyBytes.lowerBound) to "
                    + "\(LogOptions.keyBytes.upperBound)")
        }
        let value = try bytes("value")
        switch (object["delete"], value) {
        case (nil, let value?), (false as Bool, let value?): self = .put(key, value)
        case (true as Bool, nil): self = .delete(key)
        case (nil, nil): throw wrong("neither \"value\" nor \"delete\"")
        case (_, _?): throw wrong("both \"value\" and \"delete\"")
        default: throw wrong("\"delete\" is not true")
        }
        let limit = LogOptions().transactionBytes
        if case .put(let key, let value) = self, key.count + value.count > limit {
            throw wrong("key and value have \(key.count + value.count) bytes; the limit is \(limit)")
        }
    }

    var key: Bytes {
        switch self {
        case .put(let key, _), .delete(let key): key
        }
    }

    /// Bytes of key and value.
    var bytes: Int {
        switch self {
        case .put(let key, let value): key.count + value.count
        case .delete(let key): key.count
        }
    }

    var operation: Transaction.Operation {
        switch self {
        case .put(let key, let value): .put(key, value)
        case .delete(let key): .delete(key)
        }
    }

    private static func excerpt(_ line: Data) -> String {
        let text = String(decoding: line.prefix(60), as: UTF8.self)
        return line.count > 60 ? text + "…" : text
    }
}

/// Reads a file or standard input line by line, in bounded memory.
final class LineReader {
    /// A line longer than this is refused; the largest value takes at most a third of it, however it is escaped.
    static let longestLine = 16 << 20

    private let handle: FileHandle
    private var buffer = Data()
    private var isAtEnd = false
    private(set) var number = 0

    init(_ handle: FileHandle) {
        self.handle = handle
    }

    /// The next line that is not blank, without its end; nil after the last.
    func next() throws -> Data? {
        while true {
            if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                let line = Data(buffer[buffer.startIndex..<end])
                buffer.removeSubrange(buffer.startIndex...end)
                number += 1
                if !Self.isBlank(line) { return line }
                continue
            }
            if isAtEnd {
                guard !buffer.isEmpty else { return nil }
                defer { buffer = Data() }
                number += 1
                return Self.isBlank(buffer) ? nil : buffer
            }
            guard buffer.count <= Self.longestLine else {
                throw InputError("line \(number + 1): longer than \(Self.longestLine) bytes")
            }
            let chunk = try handle.read(upToCount: 1 << 16) ?? Data()
            if chunk.isEmpty { isAtEnd = true }
            buffer.append(chunk)
        }
    }

    private static func isBlank(_ line: Data) -> Bool {
        line.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
    }
}
