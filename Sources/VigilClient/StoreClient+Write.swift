public import Vigil
import WireMessages

extension StoreClient {
    /// As `WatchStore.put(_:_:)`.
    @discardableResult
    public func put(_ key: Bytes, _ value: Bytes) async throws -> Revision {
        try await put(.put(key, value))
    }

    /// As `WatchStore.put(_:_:lease:)`, with the id of a lease.
    @discardableResult
    public func put(_ key: Bytes, _ value: Bytes, lease: Int64) async throws -> Revision {
        try await put(.put(key, value, lease: .lease(lease)))
    }

    private func put(_ operation: Transaction.Operation) async throws -> Revision {
        guard let revision = try await only([operation]).revision else { throw malformed("a put made no revision") }
        return revision
    }

    /// As `WatchStore.delete(_:)`.
    @discardableResult
    public func delete(_ key: Bytes) async throws -> DeleteResult {
        try await only([.delete(key)])
    }

    /// As `WatchStore.deleteRange(_:)`.
    @discardableResult
    public func deleteRange(_ keys: KeyRange) async throws -> DeleteResult {
        try await only([.deleteRange(keys)])
    }

    private func only(_ operations: [Transaction.Operation]) async throws -> DeleteResult {
        guard let outcome = try await commit([operations]).first else { throw malformed("a write has no outcome") }
        return try outcome.get()
    }

    /// Carries out transactions, each a revision of its own, in this order. Says of each how it went; one that fails does
    /// not keep the others from being made. Operations are puts and deletes.
    ///
    /// Large numbers of them are sent as several requests: an error that is thrown leaves open which were carried out, but
    /// never one without those before it.
    public func commit(
        _ transactions: [[Transaction.Operation]]
    ) async throws -> [Result<DeleteResult, StoreError>] {
        var outcomes: [Result<DeleteResult, StoreError>] = []
        var request = WireCommitRequest()
        var bytes = 0
        for operations in transactions {
            let size = operations.reduce(0) { $0 + $1.size }
            if bytes + size > Limits.commitBytes, !request.transactions.isEmpty {
                outcomes += try await send(request)
                request = WireCommitRequest()
                bytes = 0
            }
            var transaction = WireCommitRequest.Transaction()
            transaction.operations = try operations.map { try WireOperation($0) }
            request.transactions.append(transaction)
            bytes += size
        }
        if !request.transactions.isEmpty { outcomes += try await send(request) }
        return outcomes
    }

    private func send(_ request: WireCommitRequest) async throws -> [Result<DeleteResult, StoreError>] {
        let response: WireCommitResponse = try await unary("Commit", request, isRepeatable: false)
        guard response.outcomes.count == request.transactions.count else {
            throw malformed("\(request.transactions.count) transactions have \(response.outcomes.count) outcomes")
        }
        return response.outcomes.map { outcome in
            if outcome.hasError { return .failure(StoreError(outcome.error)) }
            return .success(
                DeleteResult(
                    revision: outcome.hasRevision ? outcome.revision : nil, deleted: Int(outcome.deleted)))
        }
    }
}

extension Transaction.Operation {
    /// Bytes that it takes, about.
    fileprivate var size: Int {
        switch self {
        case .put(let key, let value, _): key.count + value.count + 16
        case .delete(let key): key.count + 16
        default: 16
        }
    }
}

extension WireOperation {
    fileprivate init(_ operation: Transaction.Operation) throws {
        self.init()
        switch operation {
        case .put(let key, let value, .none):
            put.key = .init(key)
            put.value = .init(value)
        case .put(let key, let value, .lease(let lease)):
            leasedPut.key = .init(key)
            leasedPut.value = .init(value)
            leasedPut.lease = lease
        case .delete(let key): delete = .init(key)
        case .deleteRange(let keys, _): deleteRange = WireKeyRange(keys)
        default:
            throw StoreError(
                .invalidArgument, "only puts that say which lease, if any, and deletes can be committed to a server so")
        }
    }
}
