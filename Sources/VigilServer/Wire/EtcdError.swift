import GRPCServer
import Vigil

// Clients tell these errors apart by their messages, so the messages are part of the interface.
extension Status {
    static let emptyKey = Status(.invalidArgument, "etcdserver: key is not provided")
    static let keyNotFound = Status(.invalidArgument, "etcdserver: key not found")
    static let valueProvided = Status(.invalidArgument, "etcdserver: value is provided")
    static let leaseProvided = Status(.invalidArgument, "etcdserver: lease is provided")
    static let tooManyOperations = Status(.invalidArgument, "etcdserver: too many operations in txn request")
    static let duplicateKey = Status(.invalidArgument, "etcdserver: duplicate key given in txn request")
    static let invalidSortOption = Status(.invalidArgument, "etcdserver: invalid sort option")
    static let requestTooLarge = Status(.invalidArgument, "etcdserver: request is too large")
    static let compacted = Status(.outOfRange, "etcdserver: mvcc: required revision has been compacted")
    static let futureRevision = Status(.outOfRange, "etcdserver: mvcc: required revision is a future revision")
    static let noSpace = Status(.resourceExhausted, "etcdserver: mvcc: database space exceeded")
    static let tooManyRequests = Status(.resourceExhausted, "etcdserver: too many requests")
    static let leaseNotFound = Status(.notFound, "etcdserver: requested lease not found")
    static let leaseExists = Status(.failedPrecondition, "etcdserver: lease already exists")
    static let leaseTooLong = Status(.outOfRange, "etcdserver: too large lease TTL")
    static let badLeaderTransferee = Status(.failedPrecondition, "etcdserver: bad leader transferee")
    static let wrongDowngradeVersion = Status(
        .invalidArgument, "etcdserver: wrong downgrade target version format")
    static let invalidDowngradeVersion = Status(.invalidArgument, "etcdserver: invalid downgrade target version")
    static let noDowngrade = Status(.failedPrecondition, "etcdserver: no inflight downgrade job")
    static let memberNotFound = Status(.notFound, "etcdserver: member not found")
    static let memberNotLearner = Status(
        .failedPrecondition, "etcdserver: can only promote a learner member")
    static let memberURLsInvalid = Status(.invalidArgument, "etcdserver: given member URLs are invalid")
    static let tooFewMembers = Status(
        .unknown, "etcdserver: re-configuration failed due to not enough started members")
    static let stopped = Status(.unavailable, "etcdserver: server stopped")
    static let corrupt = Status(.dataLoss, "etcdserver: corrupt cluster")
    static let watchCancelled = Status(.cancelled, "etcdserver: watch canceled")

    /// What a failure of the store is to etcd's clients.
    init(_ error: StoreError) {
        switch error.code {
        case .compacted: self = .compacted
        case .futureRevision: self = .futureRevision
        case .tooLarge: self = .requestTooLarge
        case .duplicateKey: self = .duplicateKey
        case .keyNotFound: self = .keyNotFound
        case .leaseNotFound: self = .leaseNotFound
        case .leaseExists: self = .leaseExists
        case .full: self = .noSpace
        case .busy: self = .tooManyRequests
        case .closed: self = .stopped
        case .damaged: self = .corrupt
        case .readOnly, .io: self = Status(.unavailable, "etcdserver: \(error.message)")
        case .invalidKey, .invalidArgument: self = Status(.invalidArgument, "etcdserver: \(error.message)")
        default: self = Status(.unknown, "etcdserver: \(error.message)")
        }
    }
}

/// Runs `body`, and throws the store's errors as the status that clients know.
func withStatus<R>(_ body: () async throws -> R) async throws -> R {
    do {
        return try await body()
    } catch let error as StoreError {
        throw Status(error)
    }
}
