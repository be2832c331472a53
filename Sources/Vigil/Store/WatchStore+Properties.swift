import RevisionLog

extension WatchStore {
    /// The property `name`: a small fact that belongs to the store but not to its history, as the users of a server. Nil if
    /// it is not set.
    public func property(_ name: String) throws -> [UInt8]? {
        try requireOpen()
        return try reader.property(name)
    }

    /// All properties whose names begin with `prefix`, in the order of their names.
    public func properties(_ prefix: String) throws -> [(name: String, value: [UInt8])] {
        try requireOpen()
        return try reader.properties(prefix)
    }

    /// Sets properties, or removes those that are nil: all of them or, if this throws, none. Names have 1 to 511 bytes,
    /// values up to 1 MiB. Returns when that is on disk. Watches do not see properties; backups have them.
    ///
    /// ```swift
    /// try await store.setProperties(["sync/peer": Array("10.0.0.7".utf8), "sync/paused": nil])
    /// ```
    ///
    /// - Throws: `.invalidArgument` for a name that cannot be, `.tooLarge` for a value over the limit.
    public func setProperties(_ properties: [String: [UInt8]?]) async throws {
        let (log, _) = try requireCommitter()
        try await withCheckedThrowingContinuation { continuation in
            log.set(properties) { continuation.resume(with: $0) }
        }
    }
}
