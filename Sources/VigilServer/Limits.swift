import NIOCore

/// Every bound of this module, in one place. Those that a user may want to change are fields of ``EtcdServerOptions``.
enum Limits {
    /// Seconds of a lease: shorter ones are raised, longer ones refused, as etcd does.
    static let shortestLease: Int64 = 2
    static let longestLease: Int64 = 9_000_000_000
    /// Bytes that etcd adds to a request when it writes it into its log: they count for the size of requests.
    static let requestOverhead = 17
    /// Bytes of events after which a response of a watch is sent though more could be added.
    static let responseBytes = 256 << 10
    /// Bytes beyond which a response is split, if the watch asked for fragments: etcd's.
    static let fragmentBytes = 2 << 20
    /// Bytes that an event takes besides its keys and values, at most.
    static let eventOverhead = 96
    /// Live updates that wait for one watch of a client before it is parked.
    static let watchBuffer = 16
    /// Keys, revisions and bytes of keys and values of one page of `vigil.v1.Store`.
    static let pageKeys = 8192
    static let pageRevisions = 4096
    static let pageBytes = 1 << 20
    /// Changes of one key that are read at a time.
    static let historyPageEvents = 64
    /// Alarms that may be raised at a time: clients can raise them for any number.
    static let alarms = 1000
    /// Keys that are hashed before other tasks have their turn.
    static let hashedKeys = 512
    /// A snapshot has a multiple of so many bytes, and its digest: etcd's clients look.
    static let snapshotPage = 512
    /// Connections to the port of the metrics at a time, and how long each may last.
    static let monitoringConnections = 64
    static let monitoringTime = TimeAmount.seconds(5)
    /// Between two looks at the size of a store that may not become larger than its quota.
    static let quotaInterval = Duration.seconds(1)
}
