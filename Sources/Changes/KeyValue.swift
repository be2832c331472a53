/// A key, its value, and where they stand in the history of the store.
public struct KeyValue: Sendable, Hashable {
    /// 1 to 4096 bytes.
    public var key: Bytes
    /// Empty where only keys were asked for.
    public var value: Bytes
    /// The revision that created the key; after a delete the next put creates it anew.
    public var createRevision: Revision
    /// The revision that wrote this value.
    public var modRevision: Revision
    /// 1 for the put that created the key, one more for each put since.
    public var version: Int64
    /// The lease that the key is attached to, 0 for none.
    public var lease: Int64

    /// A key as it stands.
    public init(
        key: Bytes, value: Bytes, createRevision: Revision, modRevision: Revision, version: Int64, lease: Int64 = 0
    ) {
        self.key = key
        self.value = value
        self.createRevision = createRevision
        self.modRevision = modRevision
        self.version = version
        self.lease = lease
    }
}
