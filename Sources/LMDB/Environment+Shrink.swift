import CLMDB
import Threads

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

// LMDB's file never becomes shorter: pages that were freed are used again, and that is all. To give them back, a copy
// without them takes the file's place:
//
// 1. `data.mdb.new` is written, flushed, and every page of it checked.
// 2. With no transaction open, the environment is closed.
// 3. `lock.mdb` is locked as LMDB does when it is the first to open an environment. That fails if another process has it
//    open; then everything stays as it was.
// 4. The copy is renamed to `data.mdb`, and the directory flushed.
// 5. The lock is given back and the environment opened again.
//
// Step 3 is what makes it sound. `lock.mdb` holds the number of the last transaction, and the copy begins to count anew;
// a process that still had the old numbers would take the wrong header for the newest. Who opens the environment first,
// which takes that lock, sets them from the file. So nobody may have it open at the swap, and who comes to open it
// meanwhile waits at the lock; Environment+Open.swift says what they check then. For the same reason no process goes on
// reading the file that was replaced.
//
// A crash before step 4 leaves the old file and maybe a copy that nobody looks at; after it the new one, with the same
// content. All locks end with the process.

extension Environment {
    /// The copy, until it takes the place of `data.mdb`.
    private static let copyName = "data.mdb.new"

    /// How long the file is, in bytes.
    public func fileBytes() throws(LMDBError) -> Int {
        try DataFile(directory: path)?.byteCount() ?? 0
    }

    /// Deletes what a crash may have left of a copy. For the process that writes.
    public static func removeCompactCopy(in directory: String) {
        unlink("\(directory)/\(copyName)")
    }

    /// Puts a copy without free pages in the place of the data file. Reads go on while it is written; at its end new
    /// transactions wait, and those that are open are waited for, at most a minute. `copied` and `swapped` are called after
    /// the copy was written and after it took its place, before it is opened.
    /// - Throws: `busy` if another process has the environment open, transactions of this one do not end, or something was
    ///   written meanwhile; `noSpace`; `corrupted`. Nothing has changed then. After an error that leaves in doubt which of
    ///   the two files a loss of power would leave, the environment is closed.
    public func shrink(copied: () throws -> Void = {}, swapped: () -> Void = {}) throws {
        try requireNoOtherReaders()
        // Before the copy: what is committed after this would not be in it, or is taken for that.
        let transaction = try info().lastTransaction
        do {
            try writeCompactCopy()
            try copied()
            try adoptCompactCopy(of: transaction, swapped: swapped)
        } catch {
            Self.removeCompactCopy(in: path)
            throw error
        }
    }

    /// Writes the copy and checks every page of it.
    private func writeCompactCopy() throws(LMDBError) {
        let copy = "\(path)/\(Self.copyName)"
        Self.removeCompactCopy(in: path)
        try writeCompactCopy(to: copy)
        guard let file = try DataFile(directory: path, name: Self.copyName) else {
            throw LMDBError(MDB_CORRUPTED, "copy \(path)", message: "the copy is empty")
        }
        let meta = try file.meta()
        var walk = try PageWalk(file, meta)
        _ = try walk.run()
    }

    private func writeCompactCopy(to copy: String) throws(LMDBError) {
        let file = Descriptor(copy, O_RDWR | O_CREAT | O_EXCL, options.mode)
        guard file.number >= 0 else { throw LMDBError(errno, "create \(copy)") }
        try verifyBeforeCopying()
        // LMDB reads in a transaction of its own here, which a remap must not meet.
        _ = try gate.enter(reading: false)
        defer { gate.leave() }
        try LMDBError.check(mdb_env_copyfd2(handle, file.number, UInt32(MDB_CP_COMPACT)), "write \(copy)")
        guard fsync(file.number) == 0 else { throw LMDBError(errno, "flush \(copy)") }
    }

    /// Puts the copy, which is of `transaction`, in the place of the data file.
    private func adoptCompactCopy(of transaction: Int, swapped: () -> Void) throws {
        var failure: LMDBError?
        // First, as everywhere: who opens a database holds it while waiting at the gate.
        let done = databases.withLock { known in
            gate.withoutTransactions(within: Limits.remapWaitMilliseconds) {
                guard lastTransaction == transaction else {
                    failure = LMDBError(
                        LMDBError.busy, "shrink \(path)", message: "it was written to while it was copied; try again")
                    return nil
                }
                let size = mapBytes
                for transaction in gate.takeIdle() { mdb_txn_abort(transaction) }
                mdb_env_close(handle)
                let swap = swapFiles(swapped)
                failure = swap.failure
                do throws(LMDBError) {
                    if swap.isFatal, let failure { throw failure }
                    try reopen(size, known)
                    return nil
                } catch {
                    failure = failure ?? error
                    OpenDirectories.remove(identity)
                    return error
                }
            }
        }
        if let failure { throw failure }
        if !done {
            throw LMDBError(
                LMDBError.busy, "shrink \(path)",
                message: "transactions of this process stayed open for \(Limits.remapWaitMilliseconds) ms")
        }
    }

    /// Fatal is what leaves in doubt which of the two files a loss of power would leave.
    private func swapFiles(_ swapped: () -> Void) -> (failure: LMDBError?, isFatal: Bool) {
        let lockPath = "\(path)/lock.mdb"
        // Closing it ends the lock: POSIX locks belong to the process and the file.
        let lockFile = Descriptor(lockPath, O_RDWR)
        guard lockFile.number >= 0 else { return (LMDBError(errno, "open \(lockPath)"), false) }
        var lock = flock()
        lock.l_type = Int16(F_WRLCK)
        lock.l_whence = Int16(SEEK_SET)
        lock.l_len = 1
        if fcntl(lockFile.number, F_SETLK, &lock) != 0 {
            let code = errno
            guard code == EACCES || code == EAGAIN else { return (LMDBError(code, "lock \(lockPath)"), false) }
            return (inUse(fcntl(lockFile.number, F_GETLK, &lock) == 0 ? lock.l_pid : 0), false)
        }
        guard rename("\(path)/\(Self.copyName)", "\(path)/data.mdb") == 0 else {
            return (LMDBError(errno, "rename \(path)/\(Self.copyName)"), false)
        }
        let directory = Descriptor(path, O_RDONLY)
        guard directory.number >= 0, fsync(directory.number) == 0 else {
            return (LMDBError(errno, "flush \(path)"), true)
        }
        swapped()
        return (nil, false)
    }

    /// Opens the file and its databases again. LMDB numbers databases in the order in which they are opened.
    private func reopen(_ mapBytes: Int, _ known: [String: Database]) throws(LMDBError) {
        var options = options
        options.mapBytes = mapBytes
        handle = try Self.open(path, options)
        do throws(LMDBError) {
            try adopt(known.values.sorted { $0.handle < $1.handle })
        } catch {
            mdb_env_close(handle)
            throw error
        }
        extendFileToLastPage()
    }

    /// The number of the last commit. Only for who is inside the gate.
    private var lastTransaction: Int {
        var info = MDB_envinfo()
        mdb_env_info(handle, &info)
        return info.me_last_txnid
    }

    /// Known early, before the whole file is copied; who has no slot among the readers is met at the lock.
    private func requireNoOtherReaders() throws(LMDBError) {
        do {
            _ = try gate.enter(reading: false)
            defer { gate.leave() }
            // Not to meet those that died.
            mdb_reader_check(handle, nil)
        }
        if let other = try info().readers.first(where: { $0.process != getpid() }) { throw inUse(other.process) }
    }

    private func inUse(_ process: Int32) -> LMDBError {
        LMDBError(
            LMDBError.busy, "shrink \(path)",
            message: "process \(process) has it open; it can be shrunk only when no other process reads it")
    }
}

/// An open file or directory; negative if it could not be opened. Closed at the end of its scope.
private struct Descriptor: ~Copyable {
    let number: Int32

    init(_ path: String, _ flags: Int32, _ mode: UInt32 = 0) {
        number = open(path, flags | O_CLOEXEC, mode_t(mode))
    }

    deinit {
        if number >= 0 { close(number) }
    }
}

extension Transaction where Access == ReadAccess {
    /// How many pages of the file are free: what a copy without them would save.
    public borrowing func freePages() throws(LMDBError) -> Int {
        // The list is a database too, the first: each value is a count and so many page numbers.
        var cursor = try cursor(Database(name: "free pages", handle: 0))
        var pages = 0
        var found = try cursor.first()
        while let entry = found {
            if entry.value.count >= 8 { pages += Int(entry.value.loadUnaligned(as: UInt64.self)) }
            found = try cursor.next()
        }
        return pages
    }
}
