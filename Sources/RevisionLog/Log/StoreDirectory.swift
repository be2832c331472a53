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
//     data.mdb      LMDB's data
//     lock.mdb      LMDB's table of readers
//     lock          locked by the process that writes; has its pid and the newest visible revision (WriterLock.swift)
//     journal-NNN   segments of the journal (Frame.swift)

/// Finds, creates and opens the LMDB half of a store.
enum StoreDirectory {
    /// What an open store consists of, besides the journal.
    struct Store {
        var environment: Environment
        var databases: Databases
        var meta: Meta
    }

    /// Makes the directory, unless there is something; what is not a store is refused and not touched.
    static func prepare(_ path: String) throws(StoreError) {
        if mkdir(path, 0o700) == 0 { return }
        guard errno == EEXIST else {
            throw StoreError(.io, "cannot create the store directory \(path): \(String(cString: strerror(errno)))")
        }
        let names = try contents(path)
        if names.isEmpty || names.contains("data.mdb") { return }
        if names.allSatisfy({ $0 == "lock" || $0 == "lock.mdb" }) { return }
        throw StoreError(
            .notAStore,
            "\(path) has files but no store (\(names.sorted().prefix(3).joined(separator: ", "))); "
                + "choose an empty or a new directory")
    }

    /// Checks that there is a store to read.
    static func require(_ path: String) throws(StoreError) {
        guard try contents(path).contains("data.mdb") else {
            throw StoreError(.notAStore, "there is no store in \(path)")
        }
    }

    /// Opens it for writing; a new one gets its databases and an id, one of an older format becomes one of the newest.
    static func open(_ path: String, options: LogOptions) throws -> Store {
        let environment = try Environment(path: path, mapBytes: options.mapBytes)
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

    /// Opens it for reading beside a process that may be writing.
    static func openReadOnly(_ path: String, options: LogOptions) throws -> Store {
        let environment = try Environment(path: path, mapBytes: options.mapBytes, readOnly: true)
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
