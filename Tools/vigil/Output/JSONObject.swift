import Foundation
import Vigil

/// Writes one JSON object, fields in the order in which they are added.
struct JSONObject {
    private var bytes = Array("{".utf8)

    /// The object, without a line end.
    var text: String { String(decoding: bytes + Array("}".utf8), as: UTF8.self) }
    var utf8: [UInt8] { bytes + [UInt8(ascii: "}")] }

    mutating func add(_ name: String, _ value: some BinaryInteger) {
        addName(name)
        bytes.append(contentsOf: String(value).utf8)
    }

    mutating func add(_ name: String, _ value: Double) {
        addName(name)
        bytes.append(contentsOf: (value.isFinite ? String(value) : "null").utf8)
    }

    mutating func add(_ name: String, _ value: Bool) {
        addName(name)
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
    }

    mutating func add(_ name: String, _ value: String) {
        addName(name)
        addString(value.utf8)
    }

    mutating func add(_ name: String, _ objects: [JSONObject]) {
        addName(name)
        bytes.append(UInt8(ascii: "["))
        for (index, object) in objects.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes.append(contentsOf: object.utf8)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    mutating func add(_ name: String, _ object: JSONObject) {
        addName(name)
        bytes.append(contentsOf: object.utf8)
    }

    /// Bytes as a string, or under `name_base64` if they are not UTF-8.
    mutating func add(_ name: String, _ value: Bytes) {
        if value.string != nil {
            addName(name)
            addString(value)
        } else {
            add(name + "_base64", Data(value).base64EncodedString())
        }
    }

    private mutating func addName(_ name: String) {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        addString(name.utf8)
        bytes.append(UInt8(ascii: ":"))
    }

    private mutating func addString(_ text: some Sequence<UInt8>) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""): bytes.append(contentsOf: "\\\"".utf8)
            case UInt8(ascii: "\\"): bytes.append(contentsOf: "\\\\".utf8)
            case UInt8(ascii: "\n"): bytes.append(contentsOf: "\\n".utf8)
            case UInt8(ascii: "\r"): bytes.append(contentsOf: "\\r".utf8)
            case UInt8(ascii: "\t"): bytes.append(contentsOf: "\\t".utf8)
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                bytes.append(contentsOf: ("\\u00" + (digits.count == 1 ? "0" : "") + digits).utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

extension JSONObject {
    /// One event, as `watch`, `log`, `show` and `history` print it.
    init(_ event: WatchEvent, showsPrevious: Bool = false) {
        add("revision", event.revision)
        add("type", event.type == .put ? "put" : "delete")
        add("key", event.key)
        if event.type == .put {
            add("value", event.value)
            add("create_revision", event.createRevision)
        }
        add("mod_revision", event.revision)
        if event.type == .put { add("version", event.version) }
        if event.lease != 0 { add("lease", event.lease) }
        if showsPrevious, let previous = event.previous { add("prev_value", previous.value) }
    }

    /// What a key holds, as `get` and `ls` print it.
    init(_ keyValue: KeyValue, hasValue: Bool = true) {
        add("key", keyValue.key)
        if hasValue { add("value", keyValue.value) }
        add("create_revision", keyValue.createRevision)
        add("mod_revision", keyValue.modRevision)
        add("version", keyValue.version)
        if keyValue.lease != 0 { add("lease", keyValue.lease) }
    }
}
