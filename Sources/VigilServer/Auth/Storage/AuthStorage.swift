import Vigil

/// Where users and roles are kept: records by their names, of which all begin with ``AuthRecords/prefix``.
protocol AuthStorage: Sendable {
    /// All of them.
    func load() throws -> [(name: String, value: [UInt8])]

    /// Writes records, nil to remove one, all or none of them. They are durable when it returns. To be carried out also if
    /// the task is cancelled.
    func store(_ records: [String: [UInt8]?]) async throws
}

/// As properties of the store: outside of its keys and revisions, and in its backups.
extension WatchStore: AuthStorage {
    func load() throws -> [(name: String, value: [UInt8])] { try properties(AuthRecords.prefix) }

    func store(_ records: [String: [UInt8]?]) async throws { try await setProperties(records) }
}
