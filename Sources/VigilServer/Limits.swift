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
    /// Bytes of memory that a stream of watches keeps for its next events, and as much for those before, encoded.
    static let keptBytes = 16 << 10
    /// Between two looks for streams whose client does not read; at the second their watches are parked.
    static let stallInterval = Duration.seconds(1)
    /// Encoded events that are kept for the other watches of a stream.
    static let encodedEvents = 32
    /// Bytes beyond which a response is split, if the watch asked for fragments: etcd's. The changes of a revision that have
    /// more are sent in parts in any case.
    static let fragmentBytes = 2 << 20
    /// Bytes that an event takes besides its keys and values, at most.
    static let eventOverhead = 96
    /// Live updates that wait for one watch of a client before it is parked.
    static let watchBuffer = 32
    /// Keys, revisions and bytes of keys and values of one page of `vigil.v1.Store`.
    static let pageKeys = 8192
    static let pageRevisions = 4096
    static let pageBytes = 1 << 20
    /// Changes of one key that are read at a time.
    static let historyPageEvents = 64
    /// Watches of one stream that want the same, beyond which they are read as one; and steps of the log that such a reading
    /// makes before others have their turn.
    static let sharingWatches = 3
    static let sharedSteps = 3
    /// Alarms that may be raised at a time: clients can raise them for any number.
    static let alarms = 1000
    /// Between two attempts to write down an alarm for which there is no room.
    static let alarmRetry = Duration.seconds(1)
    /// Keys that are hashed before other tasks have their turn.
    static let hashedKeys = 512
    /// A snapshot has a multiple of so many bytes, and its digest: etcd's clients look.
    static let snapshotPage = 512
    /// Connections to the port of the metrics at a time, and how long each may last.
    static let monitoringConnections = 64
    static let monitoringTime = TimeAmount.seconds(5)
    /// Between two looks at the size of a store that may not become larger than its quota.
    static let quotaInterval = Duration.seconds(1)

    // MARK: Users

    /// Users, roles, and what one of them may have.
    static let users = 100_000
    static let roles = 100_000
    static let rolesOfUser = 1000
    static let permissionsOfRole = 1000
    /// Bytes of the name of a user or a role.
    static let nameBytes = 256
    /// Bytes of a key in a permission. A store has none so long.
    static let permissionKeyBytes = 512
    /// Tokens of users that are logged in.
    static let tokens = 100_000
    /// Random bytes of a token.
    static let tokenBytes = 32
    /// Random bytes beside a password, and bytes of its hash.
    static let saltBytes = 16
    static let digestBytes = 32
    /// Bytes of memory that hashing one password may take, by what is stored with it; and each of its two factors.
    static let hashMemoryBytes = 256 << 20
    static let hashFactor = 64
    /// Passwords that are hashed at a time: on half of the processors at most.
    static let hashingThreads = max(1, min(4, System.coreCount / 2))
    /// Passwords that wait to be hashed, in all and of one address.
    static let waitingHashes = 1024
    static let waitingHashesOfOrigin = 128
}
