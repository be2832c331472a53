import Vigil

/// Where alarms outlive the server.
protocol AlarmStorage: Sendable {
    func alarms() throws -> Set<Alarm>

    /// Writes all of them. They are durable when it returns.
    func store(_ alarms: Set<Alarm>) async throws
}

/// As the property `alarms` of the store, which is missing if there are none:
///
///     1 byte   1, the version of this format
///     then for each alarm, in order
///     1 byte   its kind, etcd's number: 1 NOSPACE, 2 CORRUPT
///     8 bytes  the member whose alarm it is, little-endian
///
/// One that cannot be read is damage: the server does not begin, rather than write where it was told not to.
extension WatchStore: AlarmStorage {
    func alarms() throws -> Set<Alarm> {
        guard let value = try property(AlarmRecord.name) else { return [] }
        return try AlarmRecord.alarms(value)
    }

    func store(_ alarms: Set<Alarm>) async throws {
        try await setProperties([AlarmRecord.name: alarms.isEmpty ? nil : AlarmRecord.value(alarms)])
    }
}

enum AlarmRecord {
    static let name = "alarms"
    private static let version: UInt8 = 1
    private static let length = 9

    static func value(_ alarms: Set<Alarm>) -> [UInt8] {
        alarms.sorted().reduce(into: [version]) { bytes, alarm in
            bytes.append(UInt8(alarm.kind.rawValue))
            withUnsafeBytes(of: alarm.memberID.littleEndian) { bytes += $0 }
        }
    }

    static func alarms(_ value: [UInt8]) throws(StoreError) -> Set<Alarm> {
        guard value.first == version else {
            let found = value.first.map(String.init) ?? "nothing"
            throw StoreError(
                .unsupportedFormat,
                "the property \"\(name)\" is of version \(found), and this is read up to \(version): use the newer server"
            )
        }
        var alarms: Set<Alarm> = []
        var rest = value.dropFirst()
        while !rest.isEmpty {
            let record = rest.prefix(length)
            guard record.count == length, let kind = Alarm.Kind(rawValue: Int(record[record.startIndex])),
                alarms.count < Limits.alarms
            else {
                throw StoreError(
                    .damaged,
                    "the property \"\(name)\" of \(value.count) bytes is not a list of at most \(Limits.alarms) alarms: "
                        + "restore a backup")
            }
            let memberID = record.dropFirst().reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            alarms.insert(Alarm(kind: kind, memberID: memberID))
            rest = rest.dropFirst(length)
        }
        return alarms
    }
}
