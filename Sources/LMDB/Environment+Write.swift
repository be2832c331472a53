import CLMDB

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension Environment {
    /// Runs `body` with the one write transaction, and commits durably what it did when it returns. If it throws, nothing
    /// has happened. Waits for the write transaction of another thread or process to end.
    ///
    /// When the map is full it is doubled and `body` **is run again** from the start, on an unchanged environment: it must
    /// not keep state that a second run would spoil. `body` must not call ``withWrite(_:)``, which would wait for itself.
    ///
    /// - Throws: what `body` throws; `panic` after a commit that could not write its meta page, until the environment is
    ///   opened anew, while reads go on; `accessDenied` if the environment is read-only; `noSpace`; `mapFull` if the map cannot
    ///   grow, or reads of this process did not end within a minute to let it.
    @discardableResult
    public func withWrite<R>(_ body: (borrowing WriteTransaction) throws -> R) throws -> R {
        var remaps = 0
        while true {
            switch try attemptWrite(body) {
            case .committed(let result):
                return result
            case .mapTooSmall(let size, let code):
                guard remaps < Limits.remapsPerTransaction else { throw LMDBError(code, "write to \(path)") }
                remaps += 1
                if code == MDB_MAP_RESIZED { try adoptMapSizeOfOtherProcess() } else { try grow(to: size * 2) }
            }
        }
    }

    private enum Attempt<R> {
        case committed(R)
        case mapTooSmall(mapBytes: Int, code: Int32)
    }

    private func attemptWrite<R>(_ body: (borrowing WriteTransaction) throws -> R) throws -> Attempt<R> {
        _ = try gate.enter(reading: false)
        defer { gate.leave() }
        var transaction: OpaquePointer?
        let begun = hasPanicked ? MDB_PANIC : mdb_txn_begin(handle, nil, 0, &transaction)
        // The size is read here, where no remap can change it.
        if begun == MDB_MAP_RESIZED { return .mapTooSmall(mapBytes: mapBytes, code: begun) }
        try LMDBError.check(begun, "begin a write")
        let outcome = WriteOutcome()
        let result: R
        do {
            result = try body(WriteTransaction(handle: transaction!, outcome: outcome, verification: verification))
        } catch {
            mdb_txn_abort(transaction)
            if outcome.mapFull { return .mapTooSmall(mapBytes: mapBytes, code: MDB_MAP_FULL) }
            throw error
        }
        if outcome.mapFull {
            mdb_txn_abort(transaction)
            return .mapTooSmall(mapBytes: mapBytes, code: MDB_MAP_FULL)
        }
        // Commit frees the transaction also when it fails. A write that a full disk cuts short it calls EIO, as if the system
        // had said so.
        errno = 0
        var committed = mdb_txn_commit(transaction)
        if committed == EIO, errno == 0 { committed = ENOSPC }
        if committed == MDB_MAP_FULL { return .mapTooSmall(mapBytes: mapBytes, code: committed) }
        try LMDBError.check(committed, "commit to \(path)")
        extendFileToLastPage()
        return .committed(result)
    }

    /// Makes the map at least `bytes` large; does nothing if it is. Waits until no transaction of this process is open,
    /// at most a minute. For a map that is to be large before a burst of writes; ``withWrite(_:)`` grows it by itself.
    /// - Throws: `mapFull` if that would be more than 64 TiB, the address space has no room, or reads don't end.
    public func grow(to bytes: Int) throws(LMDBError) {
        guard bytes <= Limits.largestMapBytes else {
            throw LMDBError(
                MDB_MAP_FULL, "grow the map",
                message: "\(bytes) bytes are more than the limit of \(Limits.largestMapBytes)")
        }
        try remap(MDB_MAP_FULL) { current in bytes > current ? Self.roundedMapBytes(bytes) : nil }
    }

    /// Follows another process that made the map larger.
    func adoptMapSizeOfOtherProcess() throws(LMDBError) {
        // Zero stands for "what the file's header says".
        try remap(MDB_MAP_RESIZED) { _ in 0 }
    }

    /// The size of the map now, in bytes. Only for who is inside the gate.
    var mapBytes: Int {
        var info = MDB_envinfo()
        mdb_env_info(handle, &info)
        return info.me_mapsize
    }

    private func remap(_ cause: Int32, _ newSize: (Int) -> Int?) throws(LMDBError) {
        var failure: LMDBError?
        let done = gate.withoutTransactions(within: Limits.remapWaitMilliseconds) {
            let old = mapBytes
            guard let size = newSize(old) else { return nil }
            let code = mdb_env_set_mapsize(handle, size)
            if code == MDB_SUCCESS { return nil }
            failure = LMDBError(code, "map \(size) bytes of \(path)")
            // LMDB has let go of the old map. Without one, every later transaction must fail instead of crashing.
            return mdb_env_set_mapsize(handle, old) == MDB_SUCCESS ? nil : failure
        }
        if let failure { throw failure }
        if !done {
            throw LMDBError(
                cause, "grow the map",
                message: "transactions of this process stayed open for \(Limits.remapWaitMilliseconds) ms")
        }
    }
}
