import Changes
import LMDB

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Builds a store in `PATH.partial`, where nobody takes it for one, checks it deeply, and only then gives it its name.
///
/// The one place besides the checkpointer that writes to LMDB: nobody else has this environment.
final class StoreBuilder {
    let environment: Environment
    let databases: Databases
    private let path: String
    private let lock: WriterLock
    /// What it consists of until it is opened: there is no journal yet.
    private static let files: Set = ["data.mdb", "lock.mdb", WriterLock.fileName]
    private var isPartial = true

    private var partial: String { Self.partial(path) }

    private static func partial(_ path: String) -> String {
        var path = path[...]
        while path.count > 1, path.last == "/" { path.removeLast() }
        return path + ".partial"
    }

    /// Begins a store that will be in `path`, which must not exist, or be an empty directory. What a process that died
    /// left of another attempt is removed.
    init(path: String) throws {
        self.path = path
        try Self.requireFree(path)
        let partial = Self.partial(path)
        if access(partial, F_OK) == 0 {
            guard Set(try StoreDirectory.contents(partial)).isSubset(of: Self.files) else {
                throw StoreError(
                    .invalidArgument,
                    "\(partial) is needed while the store is built, and is in use; choose another name")
            }
            // Who holds this lock is not dead.
            let lock = try WriterLock(directory: partial)
            try Self.remove(partial)
            lock.release()
        }
        guard mkdir(partial, 0o700) == 0 else { throw StoreError(errno: errno, "create \(partial)") }
        lock = try WriterLock(directory: partial)
        let environment = try storeErrors { try Environment(path: partial, mapBytes: LogOptions().mapBytes) }
        databases = try storeErrors { try Databases(environment, create: true) }
        self.environment = environment
    }

    deinit {
        environment.close()
        if isPartial { try? Self.remove(partial) }
        lock.release()
    }

    /// Runs `body` in a write transaction.
    func write(_ body: (borrowing WriteTransaction) throws -> Void) throws {
        try storeErrors { try environment.withWrite(body) }
    }

    /// Verifies what was built, whose meta entry is `meta` and must have been written, and gives it its name.
    func finish(_ meta: Meta, progress: (@Sendable (Int64, Int64) -> Void)? = nil) throws {
        try indexLeases(meta)
        let snapshot = LogSnapshot(head: meta.checkpoint, checkpoint: meta.checkpoint, compacted: meta.compacted)
        let reader = LogReader(
            environment: environment, databases: databases, state: LogState(snapshot), storeID: meta.storeID)
        let report = try reader.check(deep: true, progress: progress)
        if let problem = report.problems.first {
            throw StoreError(.damaged, "what was built contradicts itself, and is not kept: \(problem)")
        }
        environment.close()
        try SegmentFile.flushDirectory(partial)
        try Self.requireFree(path)
        guard rename(partial, path) == 0 else { throw StoreError(errno: errno, "rename \(partial) to \(path)") }
        isPartial = false
        try SegmentFile.flushDirectory(parentDirectory(path))
    }

    /// Makes the index of what leases hold, from what `state` says, in steps.
    private func indexLeases(_ meta: Meta) throws {
        var meta = meta
        try forEachAttachedKeys { found in
            try write { transaction in
                for (lease, key) in found {
                    meta.leasedKeys += try key.withUnsafeBytes {
                        try transaction.index(lease, $0, isPresent: true, databases.leased!)
                    }
                }
                try Meta.key.withUnsafeBytes { key in
                    try meta.encoded().withUnsafeBytes { try transaction.put(databases.meta, key, $0) }
                }
            }
        }
    }

    /// Calls `body` with the keys of `state` that are attached to leases, some at a time, and these leases.
    func forEachAttachedKeys(_ body: ([(lease: Int64, key: [UInt8])]) throws -> Void) throws {
        var next: [UInt8]? = []
        while let start = next {
            let found: [(lease: Int64, key: [UInt8])]
            (found, next) = try storeErrors {
                try environment.withRead { try attachedKeys(from: start, $0) }
            }
            if !found.isEmpty { try body(found) }
        }
    }

    /// Keys of `state` that are attached to leases, from `start` on, and where to go on.
    private func attachedKeys(
        from start: [UInt8], _ transaction: borrowing ReadTransaction
    ) throws -> ([(lease: Int64, key: [UInt8])], [UInt8]?) {
        var found: [(lease: Int64, key: [UInt8])] = []
        var cursor = try transaction.cursor(databases.state)
        var entry = try start.withUnsafeBytes { try cursor.seek(atOrAfter: $0) }
        for _ in 0..<Limits.pageKeys {
            guard let here = entry else { return (found, nil) }
            if let version = try? KeyVersion(here.value, key: here.key, numbersOnly: true), version.lease != 0 {
                found.append((version.lease, Array(here.key)))
            }
            entry = try cursor.next()
        }
        return (found, entry.map { Array($0.key) })
    }

    /// Nothing is overwritten.
    private static func requireFree(_ path: String) throws(StoreError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFDIR, try StoreDirectory.contents(path).isEmpty else {
            throw StoreError(
                .invalidArgument,
                "\(path) exists and is not an empty directory; choose a new one: nothing is overwritten")
        }
    }

    /// Removes what an attempt leaves, and nothing else.
    private static func remove(_ path: String) throws(StoreError) {
        for name in files { unlink("\(path)/\(name)") }
        guard rmdir(path) == 0 else { throw StoreError(errno: errno, "remove \(path), which an earlier attempt left") }
    }
}
