import Changes
import LMDB

// The database `properties`: small facts that belong to a store but not to its history, as the users of a server. Under a
// name in UTF-8: CRC-32C of the name and the value (4 bytes, little-endian), then the value.

extension LogReader {
    /// The property `name`; nil if it is not set.
    package func property(_ name: String) throws -> [UInt8]? {
        guard let database = databases.properties else { return nil }
        return try withView { _, transaction in
            try Array(name.utf8).withUnsafeBytes { key in
                try transaction.get(database, key).map { try Property.value($0, key) }
            }
        }
    }

    /// All properties whose names begin with `prefix`, in the order of their names.
    package func properties(_ prefix: String) throws -> [(name: String, value: [UInt8])] {
        guard let database = databases.properties else { return [] }
        return try withView { _, transaction in
            var properties: [(String, [UInt8])] = []
            let prefix = Array(prefix.utf8)
            var cursor = try transaction.cursor(database)
            var found = try prefix.withUnsafeBytes { try cursor.seek(atOrAfter: $0) }
            while let here = found, here.key.prefix(prefix.count).elementsEqual(prefix) {
                properties.append((String(decoding: here.key, as: UTF8.self), try Property.value(here.value, here.key)))
                found = try cursor.next()
            }
            return properties
        }
    }
}

extension RevisionLog {
    /// Sets properties, or removes those that are nil, all together. `completion` is called when that is on disk.
    package func set(
        _ properties: [String: [UInt8]?], completion: @escaping @Sendable (Result<Void, StoreError>) -> Void
    ) {
        for (name, value) in properties {
            do throws(StoreError) {
                try Property.check(name, value)
            } catch {
                return completion(.failure(error))
            }
        }
        perform(
            { writer in
                guard let database = writer.databases.properties else { return }
                try storeErrors {
                    try writer.environment.withWrite { transaction in
                        for (name, value) in properties {
                            try Array(name.utf8).withUnsafeBytes { key in
                                guard let value else {
                                    _ = try transaction.delete(database, key)
                                    return
                                }
                                try Property.encoded(value, key).withUnsafeBytes {
                                    try transaction.put(database, key, $0)
                                }
                            }
                        }
                    }
                }
            }, completion: completion)
    }
}

enum Property {
    static func value(_ bytes: UnsafeRawBufferPointer, _ key: UnsafeRawBufferPointer) throws(StoreError) -> [UInt8] {
        guard bytes.count >= 4, bytes.littleEndian(0, as: UInt32.self) == checksum(of: bytes, under: key) else {
            throw StoreError(
                .damaged,
                "the property \"\(String(decoding: key, as: UTF8.self))\" does not match its checksum; \(StoreError.advice)"
            )
        }
        return Array(bytes[4...])
    }

    static func encoded(_ value: [UInt8], _ key: UnsafeRawBufferPointer) -> [UInt8] {
        var bytes: [UInt8] = [0, 0, 0, 0] + value
        bytes.seal(under: key)
        return bytes
    }

    static func check(_ name: String, _ value: [UInt8]?) throws(StoreError) {
        let limit = Limits.propertyNameBytes
        guard limit.contains(name.utf8.count) else {
            throw StoreError(
                .invalidArgument,
                "the property's name has \(name.utf8.count) bytes; it must have \(limit.lowerBound) to \(limit.upperBound)"
            )
        }
        if let value, value.count > Limits.propertyBytes {
            throw StoreError(
                .tooLarge, "the property \"\(name)\" has \(value.count) bytes; the limit is \(Limits.propertyBytes)")
        }
    }
}
