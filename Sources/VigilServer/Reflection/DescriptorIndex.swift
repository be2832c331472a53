import SwiftProtobuf
import WireMessages

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What our `.proto` files say, by file and by what they declare.
struct DescriptorIndex: Sendable {
    private struct File: Sendable {
        var serialized: Data
        var dependencies: [String]
    }

    private var files: [String: File] = [:]
    /// The names of files, by full names of services, methods, messages, fields, enumerations and their values.
    private var symbols: [String: String] = [:]
    private var messages: Set<String> = []
    /// Full names, in order.
    private(set) var services: [String] = []

    /// Of a `google.protobuf.FileDescriptorSet` in base64.
    init(base64: String) throws {
        guard let bytes = Data(base64Encoded: base64) else { throw BinaryDecodingError.malformedProtobuf }
        for file in try Google_Protobuf_FileDescriptorSet(serializedBytes: bytes).file { try add(file) }
        services.sort()
    }

    func contains(message name: String) -> Bool { messages.contains(name) }

    func file(containing symbol: String) -> String? { symbols[symbol] }

    /// The file and all that it depends on, itself first, without those that were `sent`, to which they are added. Nil if
    /// there is no such file.
    func files(from name: String, sent: inout Set<String>) -> [Data]? {
        guard let first = files[name] else { return nil }
        sent.insert(name)
        var found = [first.serialized]
        var waiting = first.dependencies[...]
        while let next = waiting.popFirst() {
            guard let file = files[next], sent.insert(next).inserted else { continue }
            found.append(file.serialized)
            waiting += file.dependencies
        }
        return found
    }

    private mutating func add(_ file: Google_Protobuf_FileDescriptorProto) throws {
        files[file.name] = File(serialized: try file.serializedBytes(), dependencies: file.dependency)
        let scope = file.package.isEmpty ? "" : file.package + "."
        for message in file.messageType { add(message, scope, file.name) }
        for enumeration in file.enumType { add(enumeration, scope, file.name) }
        for service in file.service {
            services.append(scope + service.name)
            symbols[scope + service.name] = file.name
            for method in service.method { symbols["\(scope)\(service.name).\(method.name)"] = file.name }
        }
    }

    private mutating func add(_ message: Google_Protobuf_DescriptorProto, _ scope: String, _ file: String) {
        let name = scope + message.name
        messages.insert(name)
        symbols[name] = file
        for field in message.field { symbols["\(name).\(field.name)"] = file }
        for oneof in message.oneofDecl { symbols["\(name).\(oneof.name)"] = file }
        for nested in message.nestedType { add(nested, name + ".", file) }
        for enumeration in message.enumType { add(enumeration, name + ".", file) }
    }

    /// The values of an enumeration are named beside it, as in C.
    private mutating func add(_ enumeration: Google_Protobuf_EnumDescriptorProto, _ scope: String, _ file: String) {
        symbols[scope + enumeration.name] = file
        for value in enumeration.value { symbols[scope + value.name] = file }
    }
}
