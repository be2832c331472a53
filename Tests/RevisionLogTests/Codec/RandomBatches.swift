import Changes
import TestSupport

@testable import RevisionLog

extension SeededGenerator {
    mutating func bytes(_ counts: ClosedRange<Int>) -> Bytes {
        let count = Int.random(in: counts, using: &self)
        // Half of them compress well.
        if chance(2) { return Bytes([UInt8](repeating: UInt8(below(256)), count: count)) }
        return Bytes((0..<count).map { _ in UInt8(below(256)) })
    }

    /// A number that is small, large or on the edge, at most `limit`.
    mutating func number(_ limits: ClosedRange<Int64>) -> Int64 {
        switch below(4) {
        case 0: limits.lowerBound
        case 1: limits.upperBound
        case 2:
            Int64.random(
                in: limits.lowerBound...limits.lowerBound + min(300, limits.upperBound - limits.lowerBound),
                using: &self)
        default: Int64.random(in: limits, using: &self)
        }
    }

    /// One change as a record of `revision` may have it; not what a store would make, but all that the format can say.
    mutating func event(_ revision: Revision) -> WatchEvent {
        let isDelete = chance(4)
        return WatchEvent(
            type: isDelete ? .delete : .put, key: bytes(chance(10) ? 511...4096 : 1...20),
            value: isDelete ? Bytes() : bytes(chance(8) ? 0...5000 : 0...40), revision: revision,
            createRevision: isDelete ? 0 : number(1...revision), version: isDelete ? 0 : number(1 ... .max),
            lease: chance(3) ? Int64.random(in: .min ... .max, using: &self) : 0,
            previousRevision: revision > 1 && chance(2) ? number(1...revision - 1) : 0)
    }

    /// Consecutive records, from `first` on.
    mutating func records(from first: Revision, count: Int) -> [[WatchEvent]] {
        (0..<count).map { record in
            (0...below(chance(5) ? 20 : 3)).map { _ in event(first + Int64(record)) }
        }
    }
}

/// A batch that says what `records` say.
func encode(_ records: [[WatchEvent]], milliseconds: Int64) -> ChangeBatch {
    var encoder = RecordEncoder(firstRevision: records[0][0].revision)
    for record in records {
        encoder.beginRecord(changes: record.count)
        for event in record {
            encoder.append(
                type: event.type, key: event.key, value: event.value, createRevision: event.createRevision,
                version: event.version, lease: event.lease, previousRevision: event.previousRevision)
        }
    }
    return encoder.finish(milliseconds: milliseconds)
}

extension ChangeBatch {
    /// What the batch says, with everything taken out of its storage.
    var records: [[WatchEvent]] {
        (0..<recordCount).map { record in
            entryIndices(ofRecord: record).map { KeyVersion(self, $0).event(key($0)) }
        }
    }

    /// The commit time of each record.
    var times: [Int64] { (0..<recordCount).map { commitTime(ofRecord: $0) } }
}

/// What `body` throws, if it is what codecs throw.
func malformed<R>(_ body: () throws -> R) -> Malformed? {
    do {
        _ = try body()
        return nil
    } catch {
        return error as? Malformed
    }
}
