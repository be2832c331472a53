import Changes
import LMDB
import TestSupport

@testable import RevisionLog

/// The checkpointer's work without its thread: what happens in LMDB, and when, is up to the test.
final class WriterDouble {
    private var writer: LogWriter
    let state: LogState
    let reader: LogReader

    init(_ path: String) throws {
        var options = LogOptions()
        options.mapBytes = 64 << 20
        let store = try StoreDirectory.open(path, options: options)
        let position = LogSnapshot(
            head: store.meta.checkpoint, checkpoint: store.meta.checkpoint, compacted: store.meta.compacted)
        state = LogState(position)
        reader = LogReader(
            environment: store.environment, databases: store.databases, state: state, storeID: store.meta.storeID)
        writer = LogWriter(
            environment: store.environment, databases: store.databases,
            cursors: CursorLedger(reader: reader, interval: options.cursorInterval), meta: store.meta)
    }

    var meta: Meta { writer.meta }
    var hasSealingWork: Bool { writer.hasSealingWork }

    func sealingStep() throws -> Bool { try writer.sealingStep(completely: false) }

    /// One revision that puts `value`, or deletes `key`, which must be there then.
    func put(_ key: Bytes, _ value: Bytes?) throws {
        let revision = state.head + 1
        let before = try reader.latest(key)?.numbers
        let version =
            value.map { KeyVersion(putting: $0, at: revision, after: before) }
            ?? KeyVersion(deletingAt: revision, after: before!.modRevision)
        var encoder = RecordEncoder(firstRevision: revision)
        encoder.beginRecord(changes: 1)
        encoder.append(
            type: version.type, key: key, value: version.value, createRevision: version.createRevision,
            version: version.version, lease: 0, previousRevision: version.previousRevision)
        state.append(encoder.finish(milliseconds: 1_700_000_000_000 + revision * 1000))
    }

    func checkpoint() throws {
        let frozen = state.freeze()
        try writer.checkpoint(frozen)
        state.checkpointed(frozen)
    }

    func compact(through revision: Revision) throws {
        try setCompacted(revision)
        while try compactionStep() {}
    }

    /// Notes that `revision` is the first that can be read; what is before it stays.
    func setCompacted(_ revision: Revision) throws {
        try writer.setCompacted(revision)
        state.compacted(through: revision)
    }

    /// One step of dropping what is before; false if there is nothing to drop.
    func compactionStep() throws -> Bool {
        guard writer.hasCompactionWork else { return false }
        try writer.compactionStep()
        return true
    }

    func seal() throws {
        while try !writer.sealingStep(completely: true) {}
    }

    /// The blocks of the log.
    func layout() throws -> [StoredBlock] {
        try reader.environment.withRead { transaction in
            var cursor = try transaction.cursor(reader.databases.log)
            var blocks: [StoredBlock] = []
            var found = try cursor.first()
            while let entry = found {
                let header = try Block.header(entry.value)
                blocks.append(
                    StoredBlock(
                        place: .log, firstRevision: try Block.firstRevision(entry.key),
                        recordCount: header.recordCount, codec: header.codec, rawBytes: header.rawLength,
                        storedBytes: header.storedLength))
                found = try cursor.next()
            }
            return blocks
        }
    }

    /// Everything that can be read, revision by revision.
    func history() throws -> [WatchUpdate] {
        var updates: [WatchUpdate] = []
        var next = state.snapshot.earliest
        while next <= state.head {
            let step = try reader.scan(nil, from: next, through: state.head)
            updates += step.updates
            next = step.next
        }
        return updates
    }
}

extension Transaction where Access == WriteAccess {
    /// What no writer of the store would put.
    borrowing func put(_ database: Database, _ key: [UInt8], _ value: [UInt8]) throws {
        try key.withUnsafeBytes { key in try value.withUnsafeBytes { try put(database, key, $0) } }
    }
}

/// A value as services write them: JSON of about 300 bytes, most of it alike from one to the next.
func jsonValue(_ number: Int, _ random: inout SeededGenerator) -> Bytes {
    let instance = number % 500
    let text = """
        {"service":"checkout","instance":"i-\(instance)","address":"10.\(instance % 256).\(random.below(256)).\
        \(random.below(256)):8443","region":"\(["eu-central", "eu-west", "us-east"][instance % 3])","healthy":\
        \(random.below(20) != 0),"load":0.\(random.below(1000)),"connections":\(random.below(4000)),"version":\
        "2026.11.\(random.below(30))","tags":["primary","tls","http2"],"updated":\(1_790_000_000_000 + number * 137),\
        "lease":"\(String(random.below(1 << 40), radix: 16))"}
        """
    return Bytes(text)
}
