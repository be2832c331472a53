import Changes
import LMDB

/// The work of the checkpointer thread in LMDB: moving the checkpoint forward, compacting, sealing. One transaction each
/// time, so LMDB is a consistent store at every moment. Used by that thread only.
struct LogWriter: ~Copyable {
    let environment: Environment
    let databases: Databases
    /// What LMDB's meta entry says now.
    var meta: Meta

    /// Runs `body` in a write transaction that ends with the meta entry it made, and returns that. It may run more than
    /// once, when the map has to grow.
    func commit(_ body: (inout Meta, borrowing WriteTransaction) throws -> Void) throws -> Meta {
        try storeErrors {
            try environment.withWrite { transaction in
                var next = meta
                try body(&next, transaction)
                try Meta.key.withUnsafeBytes { key in
                    try next.encoded().withUnsafeBytes { try transaction.put(databases.meta, key, $0) }
                }
                return next
            }
        }
    }

    /// An entry of `log`, checked, with its size before and after compression.
    static func block(_ entry: WriteCursor.Entry) throws -> (ChangeBatch, stored: Int, raw: Int) {
        let first = try Block.firstRevision(entry.key)
        do throws(Malformed) {
            let header = try Block.header(entry.value)
            return (try Block.decode(entry.value, firstRevision: first), entry.value.count, header.rawLength)
        } catch {
            throw StoreError.damagedBlock(first, error.reason)
        }
    }

    func decode(_ bytes: UnsafeRawBufferPointer, key: UnsafeRawBufferPointer) throws -> KeyVersion {
        do throws(Malformed) {
            return try KeyVersion(bytes, key: key, numbersOnly: true)
        } catch {
            throw StoreError(.damaged, "state key \(Bytes(copying: key)): \(error.reason); \(StoreError.advice)")
        }
    }
}
