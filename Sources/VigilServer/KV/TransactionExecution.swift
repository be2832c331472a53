import GRPCServer
import SwiftProtobuf
import Vigil
import WireMessages

/// Answers one transaction: makes a store's transaction of it, and a response of what that did.
struct TransactionExecution {
    /// The revision before it, and the one of its changes.
    private let revisions: (before: Revision, changed: Revision)
    /// Whether a step so far has changed anything.
    private var hasChanged = false

    /// `request` must have been checked.
    static func run(_ request: EtcdTxnRequest, _ member: Member, _ call: Call) async throws -> EtcdTxnResponse {
        let response = { @Sendable in Self.response(to: request, $0, member) }
        return response(
            try await member.store.transaction(try transaction(request), leading: member.leading(call, response)))
    }

    private static func response(
        to request: EtcdTxnRequest, _ result: TransactionResult, _ member: Member
    ) -> EtcdTxnResponse {
        var execution = TransactionExecution(
            revisions: (result.changed ? result.revision - 1 : result.revision, result.revision))
        var response = execution.response(to: request, succeeded: result.succeeded, result.outputs)
        response.header = member.header(result.revision)
        return response
    }

    private init(revisions: (before: Revision, changed: Revision)) {
        self.revisions = revisions
    }

    // MARK: From the request

    private static func transaction(_ request: EtcdTxnRequest) throws -> Transaction {
        Transaction(
            when: request.compare.map(comparison),
            then: try request.success.map { try operation($0) },
            otherwise: try request.failure.map { try operation($0) })
    }

    private static func operation(_ request: EtcdRequestOp) throws -> Transaction.Operation {
        switch request.request {
        case .requestPut(let put): return put.operation
        case .requestDeleteRange(let delete): return delete.operation
        case .requestRange(let range): return RangeExecution(range).operation
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
        to request: EtcdTxnRequest, succeeded: Bool, _ outputs: [TransactionResult.Output]
    ) -> EtcdTxnResponse {
        var response = EtcdTxnResponse()
        response.header = EtcdResponseHeader()
        response.succeeded = succeeded
        let operations = succeeded ? request.success : request.failure
        response.responses = zip(operations, outputs).map { self.response(to: $0, $1) }
        return response
    }

    private mutating func response(
        to request: EtcdRequestOp, _ output: TransactionResult.Output
    ) -> EtcdResponseOp {
        var response = EtcdResponseOp()
        switch (request.request, output) {
        case (.requestPut(let put), .put(let previous)):
            hasChanged = true
            response.responsePut.header = header
            if put.prevKv, let previous { response.responsePut.prevKv = EtcdKeyValue(previous) }
        case (.requestDeleteRange, .delete(let count, let previous)):
            hasChanged = hasChanged || count > 0
            response.responseDeleteRange = EtcdDeleteRangeResponse(count, previous)
            response.responseDeleteRange.header = header
        case (.requestRange(let range), .range(let keyValues)):
            response.responseRange = RangeExecution(range).shape(keyValues, count: keyValues.count)
            response.responseRange.header = header
        case (.requestTxn(let nested), .transaction(let succeeded, let outputs)):
            response.responseTxn = self.response(to: nested, succeeded: succeeded, outputs)
        default: preconditionFailure("a step of a transaction was answered as if it were another")
        }
        return response
    }

    /// Of a step: the revision that it saw or made.
    private var header: EtcdResponseHeader {
        .with { $0.revision = (hasChanged ? revisions.changed : revisions.before).headOnWire }
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

extension EtcdDeleteRangeRequest {
    /// The step of a transaction that does it.
    var operation: Transaction.Operation {
        .deleteRange(KeyRange(key: key, end: rangeEnd), returnsPrevious: prevKv)
    }
}

extension EtcdDeleteRangeResponse {
    init(_ count: Int, _ previous: [KeyValue]) {
        self.init()
        deleted = Int64(count)
        prevKvs = previous.map { EtcdKeyValue($0) }
    }
}
