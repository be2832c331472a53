import Threads

/// Where one change lies in its batch's storage. Fixed size and without references, so that a batch of thousands of
/// changes is one array.
public struct ChangeEntry: BitwiseCopyable, Sendable {
    /// Where the key begins in the storage.
    public var keyOffset: UInt32
    /// Where the value begins in the storage.
    public var valueOffset: UInt32
    /// Bytes of the value.
    public var valueLength: UInt32
    /// Bytes of the key.
    public var keyLength: UInt16
    /// Put or delete.
    public var type: WatchEventType
    /// As in ``WatchEvent/createRevision``.
    public var createRevision: Revision
    /// As in ``WatchEvent/version``.
    public var version: Int64
    /// As in ``WatchEvent/lease``.
    public var lease: Int64
    /// As in ``WatchEvent/previousRevision``.
    public var previousRevision: Revision

    /// - Precondition: the offsets and lengths fit into the fields.
    @inlinable
    public init(
        type: WatchEventType, keyOffset: Int, keyLength: Int, valueOffset: Int, valueLength: Int,
        createRevision: Revision, version: Int64, lease: Int64, previousRevision: Revision
    ) {
        self.type = type
        self.keyOffset = UInt32(keyOffset)
        self.keyLength = UInt16(keyLength)
        self.valueOffset = UInt32(valueOffset)
        self.valueLength = UInt32(valueLength)
        self.createRevision = createRevision
        self.version = version
        self.lease = lease
        self.previousRevision = previousRevision
    }
}

/// Consecutive revisions with their changes: what one group of commits made, or one block of the log holds.
///
/// Everything between the writer and the reader passes references to a batch: queue, buffers, overlay, replay.
/// A batch is immutable, and the keys and values taken from it are slices of its storage.
public final class ChangeBatch: Sendable {
    /// The revision of the first record; the others follow without a gap.
    public let firstRevision: Revision
    /// The bytes that the entries point into.
    public let storage: [UInt8]
    /// All changes, in order.
    public let entries: [ChangeEntry]
    /// For each record the index of its first entry, and one more: the number of entries.
    public let recordStarts: [UInt32]
    /// Commit times, as (first record that has it, milliseconds since 1970), ascending by record; never empty.
    public let commitTimes: [CommitTime]
    /// The records of very many changes whose keys ascend, as those do that delete a range.
    private let ascending: Set<Int>

    /// From record `record` on, the commit was at `milliseconds` since 1970 (UTC).
    public struct CommitTime: BitwiseCopyable, Sendable {
        /// The first record of this time, counted from 0.
        public var record: UInt32
        /// Since 1970, UTC.
        public var milliseconds: Int64

        /// The time of the records from `record` on.
        public init(record: Int, milliseconds: Int64) {
            self.record = UInt32(record)
            self.milliseconds = milliseconds
        }
    }

    /// - Precondition: at least one record, every entry inside `storage`, `recordStarts` ascending from 0.
    public init(
        firstRevision: Revision, storage: [UInt8], entries: [ChangeEntry], recordStarts: [UInt32],
        commitTimes: [CommitTime]
    ) {
        precondition(recordStarts.count >= 2 && recordStarts[0] == 0, "a batch has at least one record")
        precondition(Int(recordStarts[recordStarts.count - 1]) == entries.count, "records must cover the entries")
        precondition(commitTimes.first?.record == 0, "every record needs a commit time")
        self.firstRevision = firstRevision
        self.storage = storage
        self.entries = entries
        self.recordStarts = recordStarts
        self.commitTimes = commitTimes
        ascending = Self.ascendingRecords(storage, entries, recordStarts)
    }

    /// How many revisions.
    @inlinable public var recordCount: Int { recordStarts.count - 1 }
    /// The revision of the last record.
    @inlinable public var lastRevision: Revision { firstRevision + Int64(recordCount) - 1 }

    /// Whether the keys of record `record` are known to ascend.
    func isAscending(_ record: Int) -> Bool { ascending.contains(record) }

    /// The indices into `entries` of record `record`.
    @inlinable
    public func entryIndices(ofRecord record: Int) -> Range<Int> {
        Int(recordStarts[record])..<Int(recordStarts[record + 1])
    }

    /// The revision that made entry `index`.
    public func revision(ofEntry index: Int) -> Revision {
        if recordCount == entries.count { return firstRevision + Int64(index) }
        var low = 0
        var high = recordCount
        while high - low > 1 {
            let middle = (low + high) / 2
            if Int(recordStarts[middle]) <= index { low = middle } else { high = middle }
        }
        return firstRevision + Int64(low)
    }

    /// Bytes of the storage from the first key of record `record` to the last value.
    package func bytes(ofRecord record: Int) -> Int {
        let indices = entryIndices(ofRecord: record)
        guard let first = indices.first, let last = indices.last else { return 0 }
        return Int(entries[last].valueOffset) + Int(entries[last].valueLength) - Int(entries[first].keyOffset)
    }

    /// When record `record` was committed, in milliseconds since 1970 (UTC).
    public func commitTime(ofRecord record: Int) -> Int64 {
        commitTimes.last { Int($0.record) <= record }!.milliseconds
    }

    /// The key of entry `index`.
    @inlinable
    public func key(_ index: Int) -> Bytes {
        let entry = entries[index]
        return Bytes(slicing: storage, offset: Int(entry.keyOffset), count: Int(entry.keyLength))
    }

    /// The value of entry `index`; empty for a delete.
    @inlinable
    public func value(_ index: Int) -> Bytes {
        let entry = entries[index]
        return Bytes(slicing: storage, offset: Int(entry.valueOffset), count: Int(entry.valueLength))
    }

    /// Calls `body` with the key of entry `index` in memory; the pointer must not leave it.
    @inlinable
    public func withKey<R>(_ index: Int, _ body: (UnsafeRawBufferPointer) -> R) -> R {
        let entry = entries[index]
        let start = Int(entry.keyOffset)
        return storage.withUnsafeBytes { body(.init(rebasing: $0[start..<start + Int(entry.keyLength)])) }
    }

    /// The key of entry `index` in memory. The pointer is good as long as the batch is there, whose storage never changes
    /// nor moves.
    package func pointer(toKey index: Int) -> UnsafeRawBufferPointer {
        withKey(index) { $0 }
    }

    /// What entry `index` put; nil if it is a delete.
    public func keyValue(_ index: Int) -> KeyValue? {
        let entry = entries[index]
        guard entry.type == .put else { return nil }
        return KeyValue(
            key: key(index), value: value(index), createRevision: entry.createRevision,
            modRevision: revision(ofEntry: index), version: entry.version, lease: entry.lease)
    }

    /// Has fetched from memory where the batch says what it holds, and its first bytes, for who will go through many batches.
    package func fetch() {
        recordStarts.withUnsafeBufferPointer { prefetch($0.baseAddress!) }
        entries.withUnsafeBufferPointer { if let start = $0.baseAddress { prefetch(start) } }
        storage.withUnsafeBufferPointer { if let start = $0.baseAddress { prefetch(start) } }
    }

    /// The whole of record `record`.
    @inlinable
    public func update(ofRecord record: Int) -> WatchUpdate {
        WatchUpdate(batch: self, record: record)
    }

    /// Record `record` as seen through `filter`, which wants some of it: so if there is one change only, all of it.
    @inlinable
    package func update(ofRecord record: Int, through filter: WatchFilter?) -> WatchUpdate {
        let isWhole = filter == nil || entryIndices(ofRecord: record).count == 1
        return WatchUpdate(batch: self, record: record, filter: isWhole ? nil : filter)
    }
}

extension ChangeBatch {
    /// A batch of one revision made of `events`, for a state machine that has no store. Their own `revision` is
    /// ignored. `events` must not be empty; keys are at most 65 535 bytes.
    public convenience init(revision: Revision, events: [WatchEvent], milliseconds: Int64 = 0) {
        var storage: [UInt8] = []
        var entries: [ChangeEntry] = []
        storage.reserveCapacity(events.reduce(0) { $0 + $1.key.count + $1.value.count })
        entries.reserveCapacity(events.count)
        for event in events {
            let keyOffset = storage.count
            storage.append(contentsOf: event.key)
            let valueOffset = storage.count
            storage.append(contentsOf: event.value)
            entries.append(
                ChangeEntry(
                    type: event.type, keyOffset: keyOffset, keyLength: event.key.count, valueOffset: valueOffset,
                    valueLength: event.value.count, createRevision: event.createRevision, version: event.version,
                    lease: event.lease, previousRevision: event.previousRevision))
        }
        self.init(
            firstRevision: revision, storage: storage, entries: entries, recordStarts: [0, UInt32(events.count)],
            commitTimes: [CommitTime(record: 0, milliseconds: milliseconds)])
    }
}
