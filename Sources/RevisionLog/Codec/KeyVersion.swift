package import Changes

// One version of a key, as the databases `state` and `base` hold it under the key. All numbers little-endian.
//
//     offset  size
//      0      4     CRC-32C of: the key, bytes 4 to the end
//      4      1     0 put, 1 delete (a tombstone), 2 a put whose value is lost: in `base` of a store that `recover` made,
//                   3 a put whose value is compressed, 4 with a dictionary (ValueDictionary.swift)
//      5      …     mod revision (varint ≥ 1)
//                   mod revision − previous revision, or 0 for none (varint)
//                   for a put: mod revision − create revision (varint), version (varint ≥ 1),
//                       lease (varint of the bit pattern), then the value to the end, or nothing if that is lost, or, if
//                       it is compressed, the number of the dictionary if there is one (varint), its length (varint) and
//                       an LZ4 block

/// What the next version of a key has to know of the one before.
package struct VersionNumbers: BitwiseCopyable, Sendable {
    package var modRevision: Revision
    package var createRevision: Revision
    /// 0 for a delete.
    package var version: Int64

    package var type: WatchEventType { version == 0 ? .delete : .put }
}

/// One version of a key: a put, or the delete that ended it.
package struct KeyVersion: Sendable {
    package var type: WatchEventType
    package var modRevision: Revision
    package var createRevision: Revision
    package var version: Int64
    package var lease: Int64
    package var previousRevision: Revision
    /// Empty for a delete, or if only the numbers were asked for.
    package var value: Bytes
    /// A put of which only is known that it was: the damage that the store was recovered from has taken its value.
    package private(set) var isLost = false

    /// The types of a put whose value is lost, and of one whose value is compressed, by itself and with a dictionary, as
    /// stored.
    private static let lostPut: UInt8 = 2
    private static let packedPut: UInt8 = 3
    private static let alikePut: UInt8 = 4

    package var numbers: VersionNumbers {
        VersionNumbers(modRevision: modRevision, createRevision: createRevision, version: version)
    }

    /// The version that `entry` made at `revision`, which put `value`.
    init(_ entry: ChangeEntry, at revision: Revision, value: Bytes) {
        type = entry.type
        modRevision = revision
        createRevision = entry.createRevision
        version = entry.version
        lease = entry.lease
        previousRevision = entry.previousRevision
        self.value = value
    }

    /// The version that entry `index` of `batch` made.
    init(_ batch: ChangeBatch, _ index: Int) {
        self.init(batch.entries[index], at: batch.revision(ofEntry: index), value: batch.value(index))
    }

    /// The version that `event` made.
    init(_ event: WatchEvent) {
        type = event.type
        modRevision = event.revision
        createRevision = event.createRevision
        version = event.version
        lease = event.lease
        previousRevision = event.previousRevision
        value = event.value
    }

    /// The version that a put of `value` makes at `revision`, after `current`, the key's newest.
    package init(putting value: Bytes, at revision: Revision, after current: VersionNumbers?) {
        let existing = current?.type == .put ? current : nil
        type = .put
        modRevision = revision
        createRevision = existing?.createRevision ?? revision
        version = (existing?.version ?? 0) + 1
        lease = 0
        previousRevision = current?.modRevision ?? 0
        self.value = value
    }

    /// The tombstone of a delete at `revision`, after a put at `previous`.
    package init(deletingAt revision: Revision, after previous: Revision) {
        type = .delete
        modRevision = revision
        createRevision = 0
        version = 0
        lease = 0
        previousRevision = previous
        value = Bytes()
    }

    /// The version before the put or delete that entry `index` of `batch` made, where only that entry tells of it.
    init(lostBefore batch: ChangeBatch, _ index: Int) {
        let next = batch.entries[index]
        type = .put
        modRevision = next.previousRevision
        // Of what was deleted these numbers are not known, and nobody needs them.
        createRevision = next.type == .put ? min(next.createRevision, modRevision) : modRevision
        version = max(next.version - 1, 1)
        lease = 0
        previousRevision = 0
        value = Bytes()
        isLost = true
    }

    /// Finds the dictionary of a number.
    typealias FindDictionary = (UInt64) throws(Malformed) -> ValueDictionary

    /// Reads what is stored under `key`; the value is copied unless `numbersOnly`.
    init(
        _ bytes: UnsafeRawBufferPointer, key: UnsafeRawBufferPointer, numbersOnly: Bool = false,
        _ dictionary: FindDictionary = { number throws(Malformed) in throw .missing(dictionary: number) }
    ) throws(Malformed) {
        guard bytes.count >= 6 else { throw Malformed("entry of \(bytes.count) bytes") }
        var checksum = Checksum()
        checksum.add(key)
        checksum.add(UnsafeRawBufferPointer(rebasing: bytes[4...]))
        guard checksum.value == bytes.littleEndian(0, as: UInt32.self) else {
            throw Malformed("entry checksum does not match")
        }
        isLost = bytes[4] == Self.lostPut
        let isPacked = bytes[4] == Self.packedPut || bytes[4] == Self.alikePut
        guard let type = isLost || isPacked ? .put : WatchEventType(rawValue: bytes[4]) else {
            throw Malformed("entry type \(bytes[4])")
        }
        var reader = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[5...]))
        self.type = type
        modRevision = try reader.number()
        let distance = try reader.number()
        previousRevision = distance == 0 ? 0 : modRevision - distance
        createRevision = 0
        version = 0
        lease = 0
        value = Bytes()
        if type == .put {
            createRevision = try modRevision - reader.number()
            version = try reader.number()
            lease = try Int64(bitPattern: reader.varint())
            if !numbersOnly, !isLost {
                let alike = bytes[4] == Self.alikePut ? try dictionary(reader.varint()).bytes : []
                value = try isPacked ? Self.expanded(&reader, alike) : Bytes(copying: reader.rest())
            }
        }
        let oldest = min(
            modRevision, distance == 0 ? modRevision : previousRevision, type == .put ? createRevision : .max)
        guard oldest >= 1 else { throw Malformed("entry of revision \(modRevision) goes back before the first") }
        guard type == .delete || version >= 1, type == .put && !isLost || reader.remaining == 0 else {
            throw Malformed("entry of revision \(modRevision) has version \(version) or is too long")
        }
    }

    private static func expanded(_ reader: inout ByteReader, _ dictionary: [UInt8]) throws(Malformed) -> Bytes {
        let length = try reader.number()
        guard let length = Int(exactly: length) else { throw Malformed("value of \(length) bytes") }
        return try Bytes(
            Compression.expand(reader.rest(), codec: .lz4, rawLength: length, dictionary: dictionary))
    }

    /// What to store under `key`, with the value compressed if that saves enough: pages hold more, and checkpoints write
    /// less. With `compressor` it is with its dictionary, which the store must have by the same transaction.
    func encoded(key: Bytes, _ compressor: DictionaryCompressor? = nil) -> [UInt8] {
        let packed = type == .put && !isLost ? PackedValue(value, compressor) : nil
        let packedKind = packed.map { $0.dictionary == nil ? Self.packedPut : Self.alikePut }
        let kind = isLost ? Self.lostPut : packedKind ?? type.rawValue
        var bytes: [UInt8] = [0, 0, 0, 0, kind]
        bytes.reserveCapacity(24 + (packed?.bytes.count ?? value.count))
        bytes.appendVarint(UInt64(modRevision))
        bytes.appendVarint(previousRevision == 0 ? 0 : UInt64(modRevision - previousRevision))
        if type == .put {
            bytes.appendVarint(UInt64(modRevision - createRevision))
            bytes.appendVarint(UInt64(version))
            bytes.appendVarint(UInt64(bitPattern: lease))
            if let packed {
                if let dictionary = packed.dictionary { bytes.appendVarint(UInt64(dictionary)) }
                bytes.appendVarint(UInt64(value.count))
                bytes.append(contentsOf: packed.bytes)
            } else {
                value.withUnsafeBytes { bytes.append(contentsOf: $0) }
            }
        }
        var checksum = Checksum()
        key.withUnsafeBytes { checksum.add($0) }
        bytes.withUnsafeBytes { checksum.add(UnsafeRawBufferPointer(rebasing: $0[4...])) }
        withUnsafeBytes(of: checksum.value.littleEndian) { sum in
            for (index, byte) in sum.enumerated() { bytes[index] = byte }
        }
        return bytes
    }

    /// The key and value; nil for a delete.
    package func keyValue(_ key: Bytes) -> KeyValue? {
        guard type == .put else { return nil }
        return KeyValue(
            key: key, value: value, createRevision: createRevision, modRevision: modRevision, version: version,
            lease: lease)
    }

    /// The same, for who asks for the value.
    ///
    /// - Throws: `.damaged` if it is lost.
    func readableKeyValue(_ key: Bytes) throws(StoreError) -> KeyValue? {
        if isLost {
            throw StoreError(
                .damaged,
                "what revision \(modRevision) put under key \(key) was lost before this store was recovered; what the key "
                    + "holds is known from its next change on")
        }
        return keyValue(key)
    }

    /// The change that made this version.
    package func event(_ key: Bytes) -> WatchEvent {
        WatchEvent(
            type: type, key: key, value: value, revision: modRevision, createRevision: createRevision,
            version: version, lease: lease, previousRevision: previousRevision)
    }
}
