/// What happened to a key.
public enum WatchEventType: UInt8, Sendable, Hashable, CaseIterable, BitwiseCopyable {
    /// A value was put under the key.
    case put = 0
    /// The key was deleted.
    case delete = 1
}

/// One change of one key.
public struct WatchEvent: Sendable, Hashable {
    /// Put or delete.
    public var type: WatchEventType
    /// The key that was changed.
    public var key: Bytes
    /// The value put; empty for a delete and for a watch of keys only.
    public var value: Bytes
    /// The revision that made the change.
    public var revision: Revision
    /// The revision that created the key; 0 for a delete.
    public var createRevision: Revision
    /// How many puts the key has had since it was created; 0 for a delete.
    public var version: Int64
    /// The lease that the key is attached to, 0 for none.
    public var lease: Int64
    /// The revision of the change of this key before this one, 0 if there was none (that is still known).
    public var previousRevision: Revision
    @usableFromInline var boxedPrevious: Box?

    /// What the key held before, if the watch asked for it, the key existed, and that revision is not compacted.
    @inlinable public var previous: KeyValue? {
        get { boxedPrevious?.keyValue }
        set { boxedPrevious = newValue.map { .keyValue($0) } }
    }

    /// Apart from the event, since few have it, and all are copied.
    @usableFromInline
    indirect enum Box: Sendable, Hashable {
        case keyValue(KeyValue)

        @usableFromInline var keyValue: KeyValue {
            switch self {
            case .keyValue(let keyValue): keyValue
            }
        }
    }

    /// A change, as a state machine announces it; what a store would fill in may be left out.
    @inlinable
    public init(
        type: WatchEventType, key: Bytes, value: Bytes = Bytes(), revision: Revision, createRevision: Revision = 0,
        version: Int64 = 0, lease: Int64 = 0, previousRevision: Revision = 0, previous: KeyValue? = nil
    ) {
        self.type = type
        self.key = key
        self.value = value
        self.revision = revision
        self.createRevision = createRevision
        self.version = version
        self.lease = lease
        self.previousRevision = previousRevision
        boxedPrevious = previous.map { .keyValue($0) }
    }

    /// The key and value as they stand after a put; nil for a delete.
    public var keyValue: KeyValue? {
        guard type == .put else { return nil }
        return KeyValue(
            key: key, value: value, createRevision: createRevision, modRevision: revision, version: version,
            lease: lease)
    }
}
