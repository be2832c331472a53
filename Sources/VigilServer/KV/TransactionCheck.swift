import GRPCServer
import Vigil
import WireMessages

/// What etcd refuses in a transaction before it looks at any key.
enum TransactionCheck {
    static func check(_ request: EtcdTxnRequest, _ options: EtcdServerOptions) throws {
        try check(request, allowed: options.maximumTransactionOperations)
        _ = try changes(of: request.success)
        _ = try changes(of: request.failure)
    }

    @Sendable static func check(_ request: EtcdPutRequest) throws {
        guard !request.key.isEmpty else { throw Status.emptyKey }
        if request.ignoreValue, !request.value.isEmpty { throw Status.valueProvided }
        if request.ignoreLease, request.lease != 0 { throw Status.leaseProvided }
    }

    @Sendable static func check(_ request: EtcdDeleteRangeRequest) throws {
        guard !request.key.isEmpty else { throw Status.emptyKey }
    }

    private static func check(_ request: EtcdTxnRequest, allowed: Int) throws {
        let steps = max(request.compare.count, request.success.count, request.failure.count)
        guard steps <= allowed else { throw Status.tooManyOperations }
        guard request.compare.allSatisfy({ !$0.key.isEmpty }) else { throw Status.emptyKey }
        for operation in request.success + request.failure {
            switch operation.request {
            case .requestRange(let range): try RangeExecution.check(range)
            case .requestPut(let put): try check(put)
            case .requestDeleteRange(let delete): try check(delete)
            case .requestTxn(let nested): try check(nested, allowed: allowed - steps)
            case nil: throw Status.keyNotFound
            }
        }
    }

    private struct Changes {
        var puts: Set<Bytes> = []
        var deletes: [EtcdDeleteRangeRequest] = []

        func deletes(_ key: Bytes) -> Bool { deletes.contains { Self.covers($0, key) } }

        /// As etcd's check has it: an end of one zero byte is no more than that, and such a range empty. What is put and
        /// deleted nevertheless is refused by the store, if that branch runs.
        private static func covers(_ delete: EtcdDeleteRangeRequest, _ key: Bytes) -> Bool {
            let (lower, upper) = (Bytes(delete.key), Bytes(delete.rangeEnd))
            return upper.isEmpty ? key == lower : lower <= key && key < upper
        }
    }

    /// What a branch may change. No key may be put twice, nor put and deleted; the two branches of a transaction within
    /// it exclude each other.
    private static func changes(of operations: [EtcdRequestOp]) throws -> Changes {
        var changes = Changes()
        for case .requestDeleteRange(let delete)? in operations.map(\.request) {
            changes.deletes.append(delete)
        }
        for case .requestTxn(let nested)? in operations.map(\.request) {
            let first = try Self.changes(of: nested.success)
            let second = try Self.changes(of: nested.failure)
            for key in first.puts.union(second.puts) {
                if changes.puts.contains(key) || changes.deletes(key) { throw Status.duplicateKey }
            }
            changes.puts.formUnion(first.puts.union(second.puts))
            changes.deletes += first.deletes + second.deletes
        }
        for case .requestPut(let put)? in operations.map(\.request) {
            let key = Bytes(put.key)
            if changes.deletes(key) || !changes.puts.insert(key).inserted { throw Status.duplicateKey }
        }
        return changes
    }
}

extension EtcdTxnRequest {
    /// Whether any step of either branch puts something.
    var puts: Bool {
        (success + failure).contains { operation in
            switch operation.request {
            case .requestPut: true
            case .requestTxn(let nested): nested.puts
            case .requestRange, .requestDeleteRange, nil: false
            }
        }
    }

    /// Whether etcd takes it for one that only reads: each step of either branch is a range, and none a transaction.
    var isReadOnly: Bool {
        (success + failure).allSatisfy { if case .requestRange? = $0.request { true } else { false } }
    }

    /// Whether any step of either branch puts or deletes something.
    var writes: Bool {
        (success + failure).contains { operation in
            switch operation.request {
            case .requestPut, .requestDeleteRange: true
            case .requestTxn(let nested): nested.writes
            case .requestRange, nil: false
            }
        }
    }
}
