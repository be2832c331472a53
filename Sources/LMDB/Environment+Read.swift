import CLMDB

extension Environment {
    /// Runs `body` with a consistent view of all databases, which later commits do not change.
    ///
    /// The view keeps the pages it can see from being reused, so the file grows if it lasts: read a bounded number of
    /// records, then leave. Reads may nest; each has its own view. A remap waits for every read to end, so `body` must not
    /// call ``withWrite(_:)`` or ``grow(to:)``.
    ///
    /// - Throws: what `body` throws; `readersFull` if all slots for readers are taken; `mapResized` if another process has
    ///   grown the map and this one can't follow because its other reads do not end.
    public func withRead<R>(_ body: (borrowing ReadTransaction) throws -> R) throws -> R {
        let transaction = try beginRead()
        defer { endRead(transaction) }
        return try body(ReadTransaction(handle: transaction, outcome: nil, verification: verification))
    }

    /// LMDB is about to read every page.
    func verifyBeforeCopying() throws(LMDBError) {
        let transaction = try beginRead()
        defer { endRead(transaction) }
        try verification.admitAll(transaction, writing: false)
    }

    private func beginRead() throws(LMDBError) -> OpaquePointer {
        var slotsChecked = false
        var remaps = 0
        while true {
            var transaction = try gate.enter(reading: true)
            let kept = transaction
            let code =
                kept == nil
                ? mdb_txn_begin(handle, nil, UInt32(MDB_RDONLY), &transaction) : mdb_txn_renew(kept)
            if code == MDB_SUCCESS { return transaction! }
            if let kept { mdb_txn_abort(kept) }
            // Still inside the gate, since it uses the handle.
            let looked = code == MDB_READERS_FULL && !slotsChecked ? mdb_reader_check(handle, nil) : MDB_SUCCESS
            let isFirstPanic = code == MDB_PANIC && !hasPanicked
            gate.leave()
            switch code {
            case MDB_MAP_RESIZED where remaps < Limits.remapsPerTransaction:
                remaps += 1
                try adoptMapSizeOfOtherProcess()
            case MDB_READERS_FULL where !slotsChecked:
                slotsChecked = true
                try LMDBError.check(looked, "look for dead readers")
            case MDB_PANIC where isFirstPanic:
                try reopenForReading()
            default:
                throw LMDBError(code, "begin a read")
            }
        }
    }

    private func endRead(_ transaction: OpaquePointer) {
        // The kept transaction holds on to its slot, but no longer to any page.
        mdb_txn_reset(transaction)
        if !gate.leave(keeping: transaction) { mdb_txn_abort(transaction) }
    }
}
