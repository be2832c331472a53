package import Changes

// The records of a block or a frame, one after the other. A record is one revision; its number is not written, since
// records are contiguous and the first one's number stands in the header. All other revisions are written as the
// distance back from the record's own, so the same bytes mean the same wherever the record is moved.
//
//     record   = count of changes (varint ≥ 1), change …
//     change   = tag (1 byte), key length (varint), key,
//                for a put: value length (varint), value, revision − create revision (varint), version (varint ≥ 1),
//                if tag has `lease`: lease (varint of the bit pattern),
//                if tag has `previous`: revision − previous revision (varint ≥ 1)
//     tag      = bit 0 delete, bit 1 lease, bit 2 previous; the other bits are 0
//
// A varint is unsigned LEB128.

private enum Tag {
    static let delete: UInt8 = 1
    static let lease: UInt8 = 2
    static let previous: UInt8 = 4
    static let known: UInt8 = 7
}

/// Writes records and remembers where their keys and values went, so that the bytes for the disk and the batch for
/// the readers are the same memory.
package struct RecordEncoder {
    package let firstRevision: Revision
    package private(set) var storage: [UInt8] = []
    private var entries: [ChangeEntry] = []
    private var starts: [UInt32] = [0]

    package init(firstRevision: Revision) {
        self.firstRevision = firstRevision
    }

    /// Sees to room for so many bytes, and so many changes in as many records.
    package mutating func reserve(_ bytes: Int, changes: Int) {
        storage.reserveCapacity(bytes)
        entries.reserveCapacity(changes)
        starts.reserveCapacity(changes + 1)
    }

    package var recordCount: Int { starts.count - 1 }
    package var changeCount: Int { entries.count }
    /// The revision that the next record will have.
    package var nextRevision: Revision { firstRevision + Int64(recordCount) }

    /// Begins the next record, of exactly `changes` changes.
    package mutating func beginRecord(changes: Int) {
        storage.appendVarint(UInt64(changes))
        starts.append(UInt32(entries.count + changes))
    }

    /// The next change of the record begun.
    package mutating func append(
        type: WatchEventType, key: Bytes, value: Bytes, createRevision: Revision, version: Int64, lease: Int64,
        previousRevision: Revision
    ) {
        let revision = nextRevision - 1
        var tag: UInt8 = type == .delete ? Tag.delete : 0
        if lease != 0 { tag |= Tag.lease }
        if previousRevision != 0 { tag |= Tag.previous }
        storage.append(tag)
        storage.appendVarint(UInt64(key.count))
        let keyOffset = storage.count
        key.withUnsafeBytes { storage.append(contentsOf: $0) }
        var valueOffset = storage.count
        if type == .put {
            storage.appendVarint(UInt64(value.count))
            valueOffset = storage.count
            value.withUnsafeBytes { storage.append(contentsOf: $0) }
            storage.appendVarint(UInt64(revision - createRevision))
            storage.appendVarint(UInt64(version))
        }
        if lease != 0 { storage.appendVarint(UInt64(bitPattern: lease)) }
        if previousRevision != 0 { storage.appendVarint(UInt64(revision - previousRevision)) }
        entries.append(
            ChangeEntry(
                type: type, keyOffset: keyOffset, keyLength: key.count, valueOffset: valueOffset,
                valueLength: type == .put ? value.count : 0, createRevision: createRevision, version: version,
                lease: lease, previousRevision: previousRevision))
    }

    /// What the record of `revision`, which must be here, made of `key`; nil if it changes other keys only.
    package func version(of key: Bytes, at revision: Revision) -> KeyVersion? {
        let record = Int(revision - firstRevision)
        for entry in entries[Int(starts[record])..<Int(starts[record + 1])] {
            let isSame = storage.withUnsafeBytes { bytes in
                key.withUnsafeBytes {
                    compareBytes(.init(rebasing: bytes[Int(entry.keyOffset)...].prefix(Int(entry.keyLength))), $0) == 0
                }
            }
            guard isSame else { continue }
            // A copy: a slice would make the next record copy all of the storage.
            let value = storage[Int(entry.valueOffset)...].prefix(Int(entry.valueLength))
            return KeyVersion(entry, at: revision, value: Bytes(Array(value)))
        }
        return nil
    }

    /// Copies record `record` of `batch`, whose revision must be the next one.
    mutating func append(_ batch: ChangeBatch, record: Int) {
        let indices = batch.entryIndices(ofRecord: record)
        beginRecord(changes: indices.count)
        for index in indices {
            let entry = batch.entries[index]
            append(
                type: entry.type, key: batch.key(index), value: batch.value(index),
                createRevision: entry.createRevision, version: entry.version, lease: entry.lease,
                previousRevision: entry.previousRevision)
        }
    }

    /// The records as a batch committed at `milliseconds` since 1970. There must be at least one.
    package consuming func finish(milliseconds: Int64) -> ChangeBatch {
        ChangeBatch(
            firstRevision: firstRevision, storage: storage, entries: entries, recordStarts: starts,
            commitTimes: [.init(record: 0, milliseconds: milliseconds)])
    }
}

/// Reads records, believing nothing.
enum RecordDecoder {
    /// The batch of `recordCount` records that stand in `storage` from `offset` to its end.
    static func decode(
        _ storage: [UInt8], from offset: Int, firstRevision: Revision, recordCount: Int, changeCount: Int,
        commitTimes: [ChangeBatch.CommitTime]
    ) throws(Malformed) -> ChangeBatch {
        // A record takes at least 4 bytes and a change 3: a header that claims more must not make us reserve memory.
        guard recordCount >= 1, recordCount <= storage.count, changeCount <= storage.count else {
            throw Malformed("claims \(recordCount) records and \(changeCount) changes in \(storage.count) bytes")
        }
        guard firstRevision >= 1, firstRevision <= Revision.max - Revision(recordCount) else {
            throw Malformed("\(recordCount) records from revision \(firstRevision) on")
        }
        var entries: [ChangeEntry] = []
        var starts: [UInt32] = []
        entries.reserveCapacity(max(changeCount, recordCount))
        starts.reserveCapacity(recordCount + 1)
        let result: Result<Void, Malformed> = storage.withUnsafeBytes { bytes in
            var reader = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[offset...]))
            do throws(Malformed) {
                for record in 0..<recordCount {
                    starts.append(UInt32(entries.count))
                    let changes = try reader.varint()
                    guard changes >= 1, changes <= UInt64(reader.remaining) else {
                        throw Malformed("record \(record) claims \(changes) changes")
                    }
                    for _ in 0..<changes {
                        try entries.append(
                            change(&reader, base: offset, revision: firstRevision + Int64(record)))
                    }
                }
                guard reader.remaining == 0 else {
                    throw Malformed("\(reader.remaining) bytes follow the last record")
                }
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        try result.get()
        starts.append(UInt32(entries.count))
        return ChangeBatch(
            firstRevision: firstRevision, storage: storage, entries: entries, recordStarts: starts,
            commitTimes: commitTimes)
    }

    private static func change(_ reader: inout ByteReader, base: Int, revision: Revision) throws(Malformed)
        -> ChangeEntry
    {
        let tag = try reader.byte()
        guard tag & ~Tag.known == 0 else { throw Malformed("unknown tag \(tag) in revision \(revision)") }
        let key = try reader.lengthPrefixed()
        guard LogOptions.keyBytes.contains(key.count) else {
            throw Malformed("key of \(key.count) bytes in revision \(revision)")
        }
        var value = key.upperBound..<key.upperBound
        var create: Revision = 0
        var version: Int64 = 0
        if tag & Tag.delete == 0 {
            value = try reader.lengthPrefixed()
            create = try revision - reader.number()
            version = try reader.number()
            guard create >= 1, version >= 1 else {
                throw Malformed("create revision \(create), version \(version) in revision \(revision)")
            }
        }
        let lease = try tag & Tag.lease == 0 ? 0 : Int64(bitPattern: reader.varint())
        let hasPrevious = tag & Tag.previous != 0
        let previous = try hasPrevious ? revision - reader.number() : 0
        guard previous >= (hasPrevious ? 1 : 0), previous < revision else {
            throw Malformed("previous revision \(previous) in revision \(revision)")
        }
        return ChangeEntry(
            type: tag & Tag.delete == 0 ? .put : .delete, keyOffset: base + key.lowerBound, keyLength: key.count,
            valueOffset: base + value.lowerBound, valueLength: value.count, createRevision: create, version: version,
            lease: lease, previousRevision: previous)
    }
}
