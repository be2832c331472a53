import LMDB

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

// The directory of a store (0700, files 0600):
//
//     data.mdb      LMDB's data; data.mdb.new is a copy that a crash left (Environment+Shrink.swift in LMDB)
//     lock.mdb      LMDB's table of readers
//     lock          locked by the process that writes; has its pid and the newest visible revision (WriterLock.swift)
//     journal-NNN   segments of the journal (Frame.swift)
//     new           while a store is being made: the directory of its data.mdb, until that is whole

/// Finds, creates and opens the LMDB half of a store.
enum StoreDirectory {
    /// The directory in which a store's LMDB file is made.
    private static let making = "new"

    /// What an open store consists of, besides the journal.
    struct Store {
        var environment: Environment
        var databases: Databases
        var meta: Meta
    }

    /// Makes the directory, unless there is something; what is not a store is refused and not touched.
    static func prepare(_ path: String) throws(StoreError) {
        if mkdir(path, 0o700) == 0 { return try flushParent(path) }
        guard errno == EEXIST else {
            throw StoreError(errno: errno, "cannot create the store directory \(path)")
        }
        let names = try contents(path)
        if names.contains("data.mdb") { return }
        // Who made the directory may have died before it was flushed.
        if names.allSatisfy(["lock", "lock.mdb", making].contains) { return try flushParent(path) }
        throw StoreError(
            .notAStore,
            "\(path) has files but no store (\(names.sorted().prefix(3).joined(separator: ", "))); "
                + "choose an empty or a new directory")
    }

    /// Makes the name of the directory survive a loss of power. One that may not be read cannot be flushed either.
    private static func flushParent(_ path: String) throws(StoreError) {
        if access("\(path)/..", R_OK) == 0 { try SegmentFile.flushDirectory("\(path)/..") }
    }

    /// Checks that there is a store to read.
    static func require(_ path: String) throws(StoreError) {
        guard try contents(path).contains("data.mdb") else {
            throw StoreError(.notAStore, "there is no store in \(path)")
        }
    }

    /// Opens it for writing; a new one gets its databases and an id, one of an older format becomes one of the newest.
    static func open(_ path: String, options: LogOptions) throws -> Store {
        if access("\(path)/data.mdb", F_OK) != 0 { try make(path) }
        // What is left of making it, if that was cut short after it was done.
        remove("\(path)/\(making)")
        Environment.removeCompactCopy(in: path)
        return try openWritable(path, mapBytes: options.mapBytes)
    }

    /// Makes LMDB's file elsewhere, so that a crash leaves a whole one or none: LMDB refuses one that was torn before its
    /// first commit.
    private static func make(_ path: String) throws {
        let place = "\(path)/\(making)"
        // Of an attempt that a crash ended.
        remove(place)
        guard mkdir(place, 0o700) == 0 else { throw StoreError(errno: errno, "create \(place)") }
        try openWritable(place, mapBytes: 1 << 20).environment.close()
        guard rename("\(place)/data.mdb", "\(path)/data.mdb") == 0 else {
            throw StoreError(errno: errno, "rename \(place)/data.mdb")
        }
        try SegmentFile.flushDirectory(path)
    }

    private static func remove(_ making: String) {
        for name in ["data.mdb", "lock.mdb"] { unlink("\(making)/\(name)") }
        rmdir(making)
    }

    private static func openWritable(_ path: String, mapBytes: Int) throws -> Store {
        let environment = try Environment(path: path, mapBytes: mapBytes)
        let databases = try Databases(environment, create: true)
        let meta = try environment.withWrite { transaction in
            try Meta.key.withUnsafeBytes { key throws -> Meta in
                let found = try transaction.get(databases.meta, key).map { try Meta($0) }
                if let found, found.format == Meta.format { return found }
                let meta = found?.upgraded ?? Meta(storeID: UInt64.random(in: 1 ... .max))
                try meta.encoded().withUnsafeBytes { try transaction.put(databases.meta, key, $0) }
                return meta
            }
        }
        return Store(environment: environment, databases: databases, meta: meta)
    }

    /// Opens it for reading beside a process that may be writing. If this user may, its cursors can be written.
    static func openReadOnly(_ path: String, options: LogOptions) throws -> Store {
        let environment = try existingEnvironment(path, options)
        do {
            let databases = try Databases(environment, create: false)
            let meta = try environment.withRead { transaction in
                try Meta.key.withUnsafeBytes { key throws -> Meta in
                    guard let bytes = try transaction.get(databases.meta, key) else {
                        throw StoreError(.notAStore, "\(path) has an LMDB environment without a Vigil store")
                    }
                    return try Meta(bytes)
                }
            }
            return Store(environment: environment, databases: databases, meta: meta)
        } catch let error as LMDBError where error.code == LMDBError.notFound {
            throw StoreError(.notAStore, "\(path) has an LMDB environment without a Vigil store")
        }
    }

    private static func existingEnvironment(_ path: String, _ options: LogOptions) throws -> Environment {
        do {
            return try Environment(path: path, mapBytes: options.mapBytes, creates: false)
        } catch let error {
            guard [EACCES, EPERM, EROFS].contains(error.code) else { throw error }
            // Where the whole file system is read-only, LMDB does without its table of readers.
            if error.code != EROFS, access("\(path)/data.mdb", R_OK) == 0, access("\(path)/lock.mdb", W_OK) != 0 {
                let reason = String(cString: strerror(errno))
                throw StoreError(
                    .io,
                    "cannot write \(path)/lock.mdb, where LMDB notes who reads: \(reason); allow this user to, or copy the "
                        + "store or a backup of it")
            }
            return try Environment(path: path, mapBytes: options.mapBytes, readOnly: true)
        }
    }

    static func contents(_ path: String) throws(StoreError) -> [String] {
        guard let directory = opendir(path) else {
            let reason = String(cString: strerror(errno))
            if errno == ENOENT { throw StoreError(.notAStore, "there is no store in \(path): \(reason)") }
            if errno == ENOTDIR {
                throw StoreError(.notAStore, "\(path) is not a directory; a store is one")
            }
            throw StoreError(.io, "cannot read the store directory \(path): \(reason)")
        }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
