public import GRPCServer

/// How a store is served.
public struct EtcdServerOptions: Sendable {
    /// Where to listen.
    public var host = "127.0.0.1"
    /// 0 for a port that is free. etcd's is 2379.
    public var port = 2379
    /// How clients are told to reach it, as in `https://vigil.example:2379`; nil for ``host`` and the port.
    public var advertisedURL: String?
    /// Serves without encryption also to other machines.
    public var allowsInsecure = false
    /// The largest put or writing transaction, in bytes on the wire; etcd's. The store has a limit of its own, of the keys
    /// and values that one changes (``RevisionLog/LogOptions/transactionBytes``).
    public var maximumRequestBytes = 1_572_864
    /// How often a watch that asked for progress is told, if nothing else was sent.
    public var progressInterval: Duration = .seconds(5)
    /// Comparisons, or steps of a branch, of one transaction. What is beyond is refused as *too many operations*.
    public var maximumTransactionOperations = 128
    /// Watches on one stream; each is a task. What is beyond is refused.
    public var maximumStreamWatches = 100_000
    /// Watches of all streams.
    public var maximumWatches = 1_000_000
    /// Bytes of LMDB's file beyond which nothing is put any more, and the alarm `NOSPACE` is raised; nil for no bound. It is
    /// looked at each second.
    public var quotaBytes: Int?
    /// Where metrics and the health are served in clear text, on a port of their own; nil for nowhere.
    public var monitoring: MonitoringAddress?
    /// Whether the clients' port serves nothing else than gRPC. Otherwise who asks there with `GET` gets the same pages, as
    /// from etcd, which `etcdctl check datascale` needs; encrypted as the calls are, but without asking for a user.
    public var servesOnlyGRPC = false
    /// How long a user stays logged in who does nothing: etcd's `--auth-token-ttl`.
    public var tokenLifetime: Duration = .seconds(300)
    /// Encryption, sizes and rhythms of the connections.
    public var connections = ServerOptions()

    /// The defaults: this machine only.
    public init() {}

    /// How slow it is to guess a password.
    var hashing = PasswordHash.Parameters.current
    /// By which tokens expire.
    var now: @Sendable () -> ContinuousClock.Instant = { .now }
}

/// Where `/metrics`, `/health`, `/version`, `/livez` and `/readyz` are served. Who reaches it can read how much is stored and what is
/// called how often, and no keys or values.
public struct MonitoringAddress: Sendable {
    /// A name or an address of this machine.
    public var host: String
    /// 0 for a port that is free.
    public var port: Int

    /// At this address.
    public init(host: String = "127.0.0.1", port: Int = 2381) {
        self.host = host
        self.port = port
    }
}
