import GRPCServer
import Vigil
import WireMessages

/// Answers one transaction: makes a store's transaction of it, and a response of what that did.
struct TransactionExecution {
    private let member: Member
    /// What reads the past is read before: it does not change. In the order in which the steps are met.
    private var historic: [EtcdRangeResponse] = []
    private var nextHistoric = 0

    static func run(_ request: EtcdTxnRequest, _ member: Member) async throws -> EtcdTxnResponse {
        try TransactionCheck.check(request)
        var execution = TransactionExecution(member: member)
        let transaction = try execution.transaction(request)
        let result = try await member.store.transaction(transaction)
        var response = execution.response(
            to: request, succeeded: result.succeeded, result.outputs, at: result.revision)
        response.header = member.header(result.revision)
        return response
    }

    private init(member: Member) {
        self.member = member
    }

    // MARK: From the request

    private mutating func transaction(_ request: EtcdTxnRequest) throws -> Transaction {
        Transaction(
            when: request.compare.map(Self.comparison),
            then: try request.success.map { try operation($0) },
            otherwise: try request.failure.map { try operation($0) })
    }

    private mutating func operation(_ request: EtcdRequestOp) throws -> Transaction.Operation {
        switch request.request {
        case .requestPut(let put):
            return put.operation
        case .requestDeleteRange(let delete): return .deleteRange(KeyRange(key: delete.key, end: delete.rangeEnd))
        case .requestRange(let request):
            let range = try RangeExecution(request)
            guard range.isHistoric else { return range.operation }
            historic.append(try range.response(member))
            return .range(.key(Bytes(request.key)), limit: 0)
        case .requestTxn(let nested): return .transaction(try transaction(nested))
        case nil: throw Status.keyNotFound
        }
    }

    private static func comparison(_ compare: EtcdCompare) -> Transaction.Comparison {
        let relation: Transaction.Comparison.Relation =
            switch compare.result {
            case .equal, .UNRECOGNIZED: .equal
            case .greater: .greater
            case .less: .less
            case .notEqual: .notEqual
            }
        let target: Transaction.Comparison.Target =
            switch compare.target {
            case .version, .UNRECOGNIZED: .version(compare.version)
            case .create: .revision(onWire: compare.createRevision, relation) { .createRevision($0) }
            case .mod: .revision(onWire: compare.modRevision, relation) { .modRevision($0) }
            case .value: .value(Bytes(compare.value))
            case .lease: .lease(compare.lease)
            }
        return Transaction.Comparison(all: KeyRange(key: compare.key, end: compare.rangeEnd), relation, target)
    }

    // MARK: To the response

    private mutating func response(
        to request: EtcdTxnRequest, succeeded: Bool, _ outputs: [TransactionResult.Output], at revision: Revision
    ) -> EtcdTxnResponse {
        var response = EtcdTxnResponse()
        response.succeeded = succeeded
        // Those of the branch that did not run are passed over.
        if !succeeded { nextHistoric += Self.historicCount(request.success) }
        let operations = succeeded ? request.success : request.failure
        response.responses = zip(operations, outputs).map { self.response(to: $0, $1, at: revision) }
        if succeeded { nextHistoric += Self.historicCount(request.failure) }
        return response
    }

    private mutating func response(
        to request: EtcdRequestOp, _ output: TransactionResult.Output, at revision: Revision
    ) -> EtcdResponseOp {
        var header = EtcdResponseHeader()
        header.revision = revision.headOnWire
        var response = EtcdResponseOp()
        switch (request.request, output) {
        case (.requestPut(let put), .put(let previous)):
            var done = EtcdPutResponse()
            done.header = header
            if put.prevKv, let previous { done.prevKv = EtcdKeyValue(previous) }
            response.responsePut = done
        case (.requestDeleteRange(let delete), .delete(let previous)):
            var done = EtcdDeleteRangeResponse(previous, withPrevious: delete.prevKv)
            done.header = header
            response.responseDeleteRange = done
        case (.requestRange(let range), .range(let keyValues)):
            response.responseRange = self.response(to: range, keyValues)
            response.responseRange.header = header
        case (.requestTxn(let nested), .transaction(let succeeded, let outputs)):
            response.responseTxn = self.response(to: nested, succeeded: succeeded, outputs, at: revision)
            response.responseTxn.header = header
        default: preconditionFailure("a step of a transaction was answered as if it were another")
        }
        return response
    }

    private mutating func response(to request: EtcdRangeRequest, _ keyValues: [KeyValue]) -> EtcdRangeResponse {
        // It was checked before it was carried out.
        guard let range = try? RangeExecution(request), !range.isHistoric else {
            defer { nextHistoric += 1 }
            return historic[nextHistoric]
        }
        return range.shape(keyValues, count: keyValues.count)
    }

    private static func historicCount(_ operations: [EtcdRequestOp]) -> Int {
        operations.reduce(0) { count, operation in
            switch operation.request {
            case .requestRange(let range): count + (range.revision > 0 ? 1 : 0)
            case .requestTxn(let nested): count + historicCount(nested.success) + historicCount(nested.failure)
            case .requestPut, .requestDeleteRange, nil: count
            }
        }
    }
}

extension EtcdPutRequest {
    /// The step of a transaction that does it.
    var operation: Transaction.Operation {
        let attachment: LeaseAttachment = ignoreLease ? .kept : lease == 0 ? .none : .lease(lease)
        return ignoreValue
            ? .rewrite(Bytes(key), lease: attachment) : .put(Bytes(key), Bytes(value), lease: attachment)
    }
}

extension EtcdDeleteRangeResponse {
    init(_ previous: [KeyValue], withPrevious: Bool) {
        self.init()
        deleted = Int64(previous.count)
        if withPrevious { prevKvs = previous.map { EtcdKeyValue($0) } }
    }
}
