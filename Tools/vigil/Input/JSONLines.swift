import Foundation
import Vigil

/// One line of what `import` takes and `export` writes.
struct ImportedChange {
    enum Change {
        case put(Bytes, Bytes)
        case delete(Bytes)
    }

    let change: Change
    /// The revision that it was part of, in a file of history.
    let revision: Revision?

    /// Reads `{"key":…,"value":…}` or `{"key":…,"delete":true}`, with or without a `"revision"`; `key_base64` and
    /// `value_base64` hold bytes that are not UTF-8.
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
        guard Self.fieldCount(line) == object.count else { throw wrong("a field comes twice") }
        func bytes(_ name: String) throws -> Bytes? {
            if let value = object[name] {
                if object[name + "_base64"] != nil { throw wrong("both \"\(name)\" and \"\(name)_base64\"") }
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
        let delete = object["delete"].map(Self.boolean)
        switch (delete, value) {
        case (.some(nil), _): throw wrong("\"delete\" is neither true nor false")
        case (true??, nil): change = .delete(key)
        case (true??, _?): throw wrong("both \"value\" and \"delete\"")
        case (_, let value?): change = .put(key, value)
        case (_, nil): throw wrong("neither \"value\" nor \"delete\": true")
        }
        revision = try object["revision"].map { value in
            guard let revision = Self.integer(value), revision >= 1 else {
                throw wrong("\"revision\" is not a revision")
            }
            return revision
        }
        let limit = LogOptions().transactionBytes
        if case .put(let key, let value) = change, key.count + value.count > limit {
            throw wrong("key and value have \(key.count + value.count) bytes; the limit is \(limit)")
        }
    }

    var key: Bytes {
        switch change {
        case .put(let key, _), .delete(let key): key
        }
    }

    /// Bytes of key and value.
    var bytes: Int {
        switch change {
        case .put(let key, let value): key.count + value.count
        case .delete(let key): key.count
        }
    }

    var operation: Transaction.Operation {
        switch change {
        case .put(let key, let value): .put(key, value)
        case .delete(let key): .delete(key)
        }
    }

    /// The fields of the object that a valid `line` holds, doubled ones counted twice: one for each colon that is
    /// neither in a string nor in an inner object.
    private static func fieldCount(_ line: Data) -> Int {
        var (count, depth, isInString, isEscaped) = (0, 0, false, false)
        for byte in line {
            switch byte {
            case _ where isEscaped: isEscaped = false
            case UInt8(ascii: "\\"): isEscaped = true
            case UInt8(ascii: "\""): isInString.toggle()
            case _ where isInString: break
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            case UInt8(ascii: ":") where depth == 1: count += 1
            default: break
            }
        }
        return count
    }

    /// `true` or `false`, and not a number, which casts to the same.
    private static func boolean(_ value: Any) -> Bool? {
        guard let number = value as? NSNumber, String(cString: number.objCType) == "c" else { return nil }
        return number.boolValue
    }

    /// A whole number, and not `true`, which casts to one.
    private static func integer(_ value: Any) -> Int64? {
        boolean(value) == nil ? (value as? NSNumber).flatMap { Int64(exactly: $0) } : nil
    }

    private static func excerpt(_ line: Data) -> String {
        let text = String(decoding: line.prefix(60), as: UTF8.self)
        return line.count > 60 ? text + "…" : text
    }
}
