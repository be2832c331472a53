import Changes
import LMDB

/// Makes stores of backups.
package enum Restore {
    /// Verifies the backup at `file` and makes a store of it in `path`, which must not exist or be an empty directory.
    /// `progress` is called now and then with (bytes done, bytes in all).
    ///
    /// The new store has an id of its own. Were it the same, frames that the two wrote later, under the same revisions,
    /// would be taken for each other's.
    package static func store(
        from file: String, to path: String, progress: (@Sendable (Int64, Int64) -> Void)?
    ) throws -> BackupReport {
        let file = try BackupFile(opening: file)
        var reader = try BackupReader(file)
        let builder = try StoreBuilder(path: path)
        var step = RestoreStep()
        try reader.read { payload, slices, done in
            step.add(payload, slices)
            if step.bytes >= Limits.restoreStepBytes { try step.write(to: builder) }
            progress?(Int64(done), Int64(file.length))
        }
        try step.write(to: builder)
        let meta = reader.contents.meta.renamed()
        try builder.write { transaction in
            try Meta.key.withUnsafeBytes { key in
                try meta.encoded().withUnsafeBytes { try transaction.put(builder.databases.meta, key, $0) }
            }
        }
        try builder.finish(meta)
        return BackupReport(file, reader)
    }

    /// Verifies the backup at `file` without making anything of it.
    package static func verify(
        _ file: String, progress: (@Sendable (Int64, Int64) -> Void)?
    ) throws -> BackupReport {
        let file = try BackupFile(opening: file)
        var reader = try BackupReader(file)
        try reader.read { _, _, done in progress?(Int64(done), Int64(file.length)) }
        return BackupReport(file, reader)
    }
}

/// What is written in one transaction, which has to be bounded.
private struct RestoreStep {
    private var chunks: [(payload: [UInt8], slices: [BackupReader.Slices])] = []
    private(set) var bytes = 0

    mutating func add(_ payload: [UInt8], _ slices: [BackupReader.Slices]) {
        chunks.append((payload, slices))
        bytes += payload.count
    }

    mutating func write(to builder: StoreBuilder) throws {
        try builder.write { transaction in
            for (payload, slices) in chunks {
                try payload.withUnsafeBytes { bytes in
                    for slice in slices {
                        try transaction.append(
                            slice.kind, .init(rebasing: bytes[slice.key]), .init(rebasing: bytes[slice.value]),
                            builder.databases)
                    }
                }
            }
        }
        chunks = []
        bytes = 0
    }
}

extension Transaction where Access == WriteAccess {
    /// Puts an entry of `kind`, whose keys come in order, where it belongs.
    fileprivate borrowing func append(
        _ kind: BackupFormat.Kind, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer,
        _ databases: Databases
    ) throws {
        switch kind {
        case .dictionaries: try put(dictionary: key, value, databases)
        case .log: try put(databases.log, key, value, .append)
        case .state: try put(databases.state, key, value, .append)
        case .base: try put(databases.base, key, value, .append)
        case .cursors: try put(databases.cursors!, key, value, .append)
        case .leases: try put(databases.leases!, key, value, .append)
        case .properties: try put(databases.properties!, key, value, .append)
        case .end: preconditionFailure("the end has no entries")
        }
    }
}

extension Meta {
    /// The same of another store.
    func renamed() -> Meta {
        var meta = self
        meta.storeID = UInt64.random(in: 1 ... .max)
        return meta
    }
}
