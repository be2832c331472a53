import Changes
import TestSupport

@testable import RevisionLog

/// Bytes that do not compress, and tell what revision they are of.
private func noise(_ revision: Revision, _ count: Int) -> [UInt8] {
    var random = SeededGenerator(UInt64(revision))
    return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
}

/// A batch of `records` revisions whose values have `bytes` bytes in all, and show what revision they are of.
func batch(_ first: Revision, bytes: Int, records: Int = 1) -> ChangeBatch {
    var encoder = RecordEncoder(firstRevision: first)
    for record in 0..<records {
        let revision = first + Revision(record)
        encoder.beginRecord(changes: 1)
        encoder.append(
            type: .put, key: Bytes("key-\(revision % 10)"), value: Bytes(noise(revision, bytes / records)),
            createRevision: revision, version: 1, lease: 0, previousRevision: 0)
    }
    return encoder.finish(milliseconds: 1_700_000_000_000)
}

extension Journal {
    func append(_ batch: ChangeBatch) throws {
        let payload = JournalPayload(batch)
        try append(payload.header, payload: payload.bytes)
    }
}

extension [ChangeBatch] {
    /// Whether these are all revisions in `range`, as ``batch(_:bytes:records:)`` makes them.
    func isExactly(_ range: Range<Revision>) -> Bool {
        var next = range.lowerBound
        for batch in self {
            guard batch.firstRevision == next else { return false }
            for index in batch.entries.indices {
                let value = batch.value(index)
                guard value.elementsEqual(noise(batch.revision(ofEntry: index), value.count)) else { return false }
            }
            next = batch.lastRevision + 1
        }
        return next == range.upperBound
    }
}

extension [OverlayRun] {
    /// The same of their batches.
    func isExactly(_ range: Range<Revision>) -> Bool { flatMap(\.batches).isExactly(range) }
}
