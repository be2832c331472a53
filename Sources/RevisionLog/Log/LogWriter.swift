import Changes
import LMDB

/// The work of the checkpointer thread in LMDB: moving the checkpoint forward, compacting, sealing. One transaction each
/// time, so LMDB is a consistent store at every moment. Used by that thread only.
struct LogWriter: ~Copyable {
    let environment: Environment
    let databases: Databases
    /// Whose acknowledgements every transaction takes along.
    let cursors: CursorLedger
    /// Compresses what keys hold.
    let values: ValuePacker
    /// What LMDB's meta entry says now.
    var meta: Meta
    /// Raw bytes of the log from `meta.sealed` on, or more: what a store had when it was opened counts as full blocks until
    /// sealing has looked.
    var unsealedBytes = Int64(Limits.blockBytes)

    init(
        environment: Environment, databases: Databases, cursors: CursorLedger, meta: Meta,
        options: LogOptions = LogOptions()
    ) {
        self.environment = environment
        self.databases = databases
        self.cursors = cursors
        values = ValuePacker(lookBytes: options.dictionaryLookBytes)
        self.meta = meta
    }

    /// Runs `body` in a write transaction that ends with the meta entry it made, and returns that. It may run more than
    /// once, when the map has to grow.
    func commit(_ body: (inout Meta, borrowing WriteTransaction) throws -> Void) throws -> Meta {
        let (meta, cursors, databases, values) = (meta, cursors, databases, values)
        try storeErrors { try values.load(environment, databases) }
        let acknowledged = cursors.take()
        let next = try cursors.finishing(acknowledged) {
            try storeErrors {
                try environment.withWrite { transaction in
                    var next = meta
                    let outcomes = try cursors.write(acknowledged, transaction)
                    try transaction.put(values, databases)
                    try body(&next, transaction)
                    try Meta.key.withUnsafeBytes { key in
                        try next.encoded().withUnsafeBytes { try transaction.put(databases.meta, key, $0) }
                    }
                    return (next, outcomes)
                }
            }
        }
        values.written()
        return next
    }

    /// The block stored under `first`, checked, with its size before and after compression.
    static func block(
        _ first: Revision, _ bytes: UnsafeRawBufferPointer
    ) throws -> (ChangeBatch, stored: Int, raw: Int) {
        do throws(Malformed) {
            let header = try Block.header(bytes)
            return (try Block.decode(bytes, firstRevision: first), bytes.count, header.rawLength)
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
