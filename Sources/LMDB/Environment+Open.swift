import CLMDB

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

// Another process may swap the data file (Environment+Shrink.swift) while this one opens it. To read only, LMDB opens the
// data file first, and takes its lock on `lock.mdb` after that. In between the file may be replaced: then this process
// holds the old one, and if it is the first to take the lock it has written the old one's transaction number where
// others look for the new one's. So after opening, with the lock held and no swap possible any more, two things must hold,
// or the environment is closed and opened again:
//
// - The open file is the one that has the name.
// - The number in `lock.mdb` is that of the file's last commit. A reader may find it one behind, when a commit is under
//   way or its writer died in one; who writes has LMDB repair that first.

extension Environment {
    static func open(_ path: String, _ options: Options) throws(LMDBError) -> OpaquePointer {
        for _ in 1...Limits.openings {
            let handle = try openOnce(path, options)
            do throws(LMDBError) {
                if try isPresent(handle, path), try isConsistent(handle, options) { return handle }
            } catch {
                mdb_env_close(handle)
                throw error
            }
            mdb_env_close(handle)
            var pause = timespec(tv_sec: 0, tv_nsec: Limits.openingPauseNanoseconds)
            nanosleep(&pause, nil)
        }
        throw LMDBError(
            LMDBError.busy, "open \(path)",
            message: "lock.mdb belongs to another data file, and another process has it open; close it there")
    }

    /// Whether the file that was opened still has its name.
    private static func isPresent(_ handle: OpaquePointer, _ path: String) throws(LMDBError) -> Bool {
        var descriptor: Int32 = -1
        try LMDBError.check(mdb_env_get_fd(handle, &descriptor), "open \(path)")
        var (opened, named) = (stat(), stat())
        guard fstat(descriptor, &opened) == 0, stat(path + "/data.mdb", &named) == 0 else {
            throw LMDBError(errno, "look at \(path)/data.mdb")
        }
        return opened.st_ino == named.st_ino && opened.st_dev == named.st_dev
    }

    /// Whether `lock.mdb` names the last commit of this file.
    private static func isConsistent(_ handle: OpaquePointer, _ options: Options) throws(LMDBError) -> Bool {
        var (before, after) = (MDB_envinfo(), MDB_envinfo())
        // A reader that died may hold the last slot.
        mdb_reader_check(handle, nil)
        var transaction: OpaquePointer?
        mdb_env_info(handle, &before)
        let flags = UInt32(options.readOnly ? MDB_RDONLY : 0)
        let code = mdb_txn_begin(handle, nil, flags, &transaction)
        if code == MDB_MAP_RESIZED { return false }
        try LMDBError.check(code, "begin a transaction")
        defer { mdb_txn_abort(transaction) }
        let number = mdb_txn_id(transaction)
        mdb_env_info(handle, &after)
        // No commit comes in between while this one could write.
        if !options.readOnly { return number == after.me_last_txnid + 1 }
        return before.me_last_txnid <= number + 1 && number <= after.me_last_txnid
    }

    private static func openOnce(_ path: String, _ options: Options) throws(LMDBError) -> OpaquePointer {
        var environment: OpaquePointer?
        try LMDBError.check(mdb_env_create(&environment), "create an environment")
        let handle = environment!
        do {
            try LMDBError.check(mdb_env_set_mapsize(handle, roundedMapBytes(options.mapBytes)), "set the map size")
            try LMDBError.check(mdb_env_set_maxdbs(handle, options.maximumDatabases), "set the number of databases")
            try LMDBError.check(mdb_env_set_maxreaders(handle, options.maximumReaders), "set the number of readers")
            let flags = UInt32(MDB_NOTLS | (options.readOnly ? MDB_RDONLY : 0))
            try LMDBError.check(mdb_env_open(handle, path, flags, mode_t(options.mode)), "open \(path)")
        } catch {
            mdb_env_close(handle)
            throw error
        }
        return handle
    }
}
