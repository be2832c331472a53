import CLMDB

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension Environment {
    /// Refuses a file that LMDB would crash on: a foreign one, or one cut short. False if there is none.
    static func inspect(_ path: String) throws(LMDBError) -> Bool {
        for attempt in 1...Limits.inspections {
            guard let file = try DataFile(directory: path) else { return false }
            let meta = try file.meta()
            if try file.byteCount() >= (meta.lastPage + 1) * meta.pageBytes { return true }
            // Shorter than it says: cut, or what a crash left, see `extendFileToLastPage`. In that case every page that
            // the trees lead to is there.
            do throws(LMDBError) {
                var walk = try PageWalk(file, meta)
                _ = try walk.run()
                return true
            } catch {
                if attempt == Limits.inspections { throw error }
            }
        }
        return true
    }

    /// Checks every page that can be reached from the last commit, with plain reads: a damaged page is an error here,
    /// and may be a crash for who reads it through LMDB. Reads the whole file. Call it before ``openDatabase(_:create:)``.
    /// - Returns: how many pages are in use.
    /// - Throws: `corrupted`, naming the page, its place in the file and what is wrong.
    @discardableResult
    public func verifyPages() throws -> Int {
        for _ in 1...Limits.inspections {
            // The transaction keeps the pages from being reused, but not the meta page, which two more commits overwrite.
            let pages = try withRead { transaction in
                guard let file = try DataFile(directory: path),
                    let meta = try file.metas().first(where: { $0.transaction == transaction.identifier() })
                else { return 0 }
                var walk = try PageWalk(file, meta)
                return try walk.run() + 2
            }
            if pages > 0 { return pages }
        }
        throw LMDBError(LMDBError.busy, "check \(path)", message: "it is written to so often that no state lasts")
    }

    /// Makes the file as long as its header says.
    ///
    /// LMDB writes no page that a transaction both took and gave back, so when such pages come last the file is
    /// shorter than the header says, and nothing tells it from a file that was cut short. The extension is a hole, and
    /// if it fails nothing is lost: the next commit tries again, and opening looks closer at a file that is too short.
    func extendFileToLastPage() {
        guard missingLength() != nil else { return }
        // Another process may be writing too, and what it has appended since the look must not be cut off: a second look
        // and the extension happen while nobody else can write.
        var transaction: OpaquePointer?
        guard mdb_txn_begin(handle, nil, 0, &transaction) == MDB_SUCCESS else { return }
        defer { mdb_txn_abort(transaction) }
        if let (descriptor, length) = missingLength() { ftruncate(descriptor, length) }
    }

    /// The file, and how long it should be, if it is shorter than that.
    private func missingLength() -> (descriptor: Int32, length: off_t)? {
        var descriptor: Int32 = -1
        var info = MDB_envinfo()
        var status = stat()
        guard mdb_env_get_fd(handle, &descriptor) == 0, mdb_env_info(handle, &info) == 0,
            fstat(descriptor, &status) == 0
        else { return nil }
        let needed = off_t((info.me_last_pgno + 1) * pageBytes)
        return status.st_size < needed ? (descriptor, needed) : nil
    }

    /// Flushes what has been written. Commits have done so already; this is for a file system that was asked not to.
    public func sync() throws(LMDBError) {
        _ = try gate.enter(reading: false)
        defer { gate.leave() }
        try LMDBError.check(mdb_env_sync(handle, 1), "flush \(path)")
    }

    /// Writes a consistent copy of the environment, as of now, into the empty directory at `destination`, while reads
    /// and writes go on.
    /// - Parameter compact: leave out free pages; slower.
    public func copy(to destination: String, compact: Bool = false) throws(LMDBError) {
        try verifyBeforeCopying()
        // LMDB reads in a transaction of its own here, which a remap must not meet.
        _ = try gate.enter(reading: false)
        defer { gate.leave() }
        let flags = compact ? UInt32(MDB_CP_COMPACT) : 0
        try LMDBError.check(mdb_env_copy2(handle, destination, flags), "copy \(path) to \(destination)")
    }
}
