public import RevisionLog
public import WatchDispatch

/// How a store is opened.
public struct StoreOptions: Sendable {
    public enum Access: Sendable, Hashable {
        /// Reads and writes; one process at a time. Creates the store if there is none, see ``createsStore``.
        case readWrite
        /// Reads and follows a store that another process may be writing.
        case readOnly
    }

    public var access: Access = .readWrite
    /// Whether a store that is not there is created, with read-write access; otherwise opening fails with `.notAStore`.
    public var createsStore = true
    /// What a crash may cost. See ``Durability``.
    public var durability: Durability = .sync
    /// Sizes and rhythms of the log.
    public var log = LogOptions()
    /// Sizes of the event queue and of the watchers' buffers.
    public var watch = WatchConfig()

    public init(access: Access = .readWrite, durability: Durability = .sync) {
        self.access = access
        self.durability = durability
    }
}
