/// What happened to a key.
public enum WatchEventType: UInt8, Sendable, Hashable, CaseIterable, BitwiseCopyable {
    /// A value was put under the key.
    case put = 0
    /// The key was deleted.
    case delete = 1
}

/// One change of one key: a reference into the ``ChangeBatch`` that it came with, so that passing it on costs little.
///
/// Keys and values are slices of that batch, which an event keeps alive; copy what is to be held for long.
public struct WatchEvent: Sendable {
    @usableFromInline let batch: ChangeBatch
    @usableFromInline let record: Int32
    @usableFromInline let index: Int32
    @usableFromInline var boxedPrevious: Box?

    /// Apart from the event, since few have it, and all are copied.
    @usableFromInline
    indirect enum Box: Sendable {
        case keyValue(KeyValue)

        @usableFromInline var keyValue: KeyValue {
            switch self {
            case .keyValue(let keyValue): keyValue
            }
        }
    }

    /// Entry `index` of `batch`, which is part of record `record`.
    @inlinable
    init(_ batch: ChangeBatch, record: Int32, index: Int, previous: KeyValue?) {
        self.batch = batch
        self.record = record
        self.index = Int32(index)
        boxedPrevious = previous.map { .keyValue($0) }
    }

    /// A change, as a state machine announces it; what a store would fill in may be left out.
    ///
    /// - Precondition: the key has at most 65 535 bytes.
    public init(
        type: WatchEventType, key: Bytes, value: Bytes = Bytes(), revision: Revision, createRevision: Revision = 0,
        version: Int64 = 0, lease: Int64 = 0, previousRevision: Revision = 0, previous: KeyValue? = nil
    ) {
        let entry = ChangeEntry(
            type: type, keyOffset: 0, keyLength: key.count, valueOffset: key.count, valueLength: value.count,
            createRevision: createRevision, version: version, lease: lease, previousRevision: previousRevision)
        var storage: [UInt8] = []
        storage.reserveCapacity(key.count + value.count)
        storage.append(contentsOf: key)
        storage.append(contentsOf: value)
        let batch = ChangeBatch(
            firstRevision: revision, storage: storage, entries: [entry], recordStarts: [0, 1],
            commitTimes: [.init(record: 0, milliseconds: 0)])
        self.init(batch, record: 0, index: 0, previous: previous)
    }

    @inlinable var entry: ChangeEntry { batch.entries[Int(index)] }

    /// Put or delete.
    @inlinable public var type: WatchEventType { entry.type }
    /// The key that was changed.
    @inlinable public var key: Bytes { batch.key(Int(index)) }
    /// The value put; empty for a delete.
    @inlinable public var value: Bytes { batch.value(Int(index)) }
    /// The revision that made the change.
    @inlinable public var revision: Revision { batch.firstRevision + Int64(record) }
    /// The revision that created the key; 0 for a delete.
    @inlinable public var createRevision: Revision { entry.createRevision }
    /// How many puts the key has had since it was created; 0 for a delete.
    @inlinable public var version: Int64 { entry.version }
    /// The lease that the key is attached to, 0 for none.
    @inlinable public var lease: Int64 { entry.lease }
    /// The revision of the change of this key before this one, 0 if there was none (that is still known).
    @inlinable public var previousRevision: Revision { entry.previousRevision }

    /// What the key held before, if the watch asked for it, the key existed, and that revision is not compacted.
    @inlinable public var previous: KeyValue? {
        get { boxedPrevious?.keyValue }
        set { boxedPrevious = newValue.map { .keyValue($0) } }
    }

    /// The key and value as they stand after a put; nil for a delete.
    public var keyValue: KeyValue? { batch.keyValue(Int(index)) }
}

extension WatchEvent: Hashable {
    public static func == (a: WatchEvent, b: WatchEvent) -> Bool {
        a.type == b.type && a.revision == b.revision && a.createRevision == b.createRevision && a.version == b.version
            && a.lease == b.lease && a.previousRevision == b.previousRevision && a.key == b.key && a.value == b.value
            && a.previous == b.previous
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(type)
        hasher.combine(key)
        hasher.combine(value)
        hasher.combine(revision)
    }
}

extension WatchEvent: CustomStringConvertible {
    /// What was changed how, at which revision, and what is known of the key's history.
    public var description: String {
        var text = type == .put ? "put \(key) = \(value)" : "delete \(key)"
        text += " at \(revision)"
        if type == .put { text += ", created at \(createRevision), version \(version)" }
        if lease != 0 { text += ", lease \(lease)" }
        if previousRevision != 0 { text += ", before at \(previousRevision)" }
        if let previous { text += ", before \(previous.value)" }
        return text
    }
}
