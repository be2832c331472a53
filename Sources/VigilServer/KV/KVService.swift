import GRPCServer
import Vigil
import WireMessages

/// `etcdserverpb.KV`: reads, writes, transactions, compaction.
struct KVService {
    let member: Member

    var methods: [ServedMethod] {
        [
            .unary("/etcdserverpb.KV/Range", .keys, check: RangeExecution.check) { try range($0) },
            .write("/etcdserverpb.KV/Put", .keys(member.store), check: TransactionCheck.check) { request, bytes, call in
                try await member.writing { try await put(request, bytes: bytes, call) }
            },
            .write("/etcdserverpb.KV/DeleteRange", .keys, check: TransactionCheck.check) { request, _, call in
                try await member.writing { try await deleteRange(request, call) }
            },
            .write("/etcdserverpb.KV/Txn", .keys(member.store), check: check) { request, bytes, call in
                try await member.writing { try await transaction(request, bytes: bytes, call) }
            },
            .unary("/etcdserverpb.KV/Compact", .root) { request in
                try await member.writing { try await compact(request) }
            },
        ]
    }

    private func range(_ request: EtcdRangeRequest) throws -> EtcdRangeResponse {
        try RangeExecution(request).response(member)
    }

    private func put(_ request: EtcdPutRequest, bytes: Int, _ call: Call) async throws -> EtcdPutResponse {
        try checkSize(bytes)
        try member.alarms.requireWritable(grows: true)
        if !request.prevKv, !request.ignoreValue, !request.ignoreLease, request.lease == 0 {
            let response = { @Sendable [member] (revision: Revision) in
                var response = EtcdPutResponse()
                response.header = member.header(revision)
                return response
            }
            return response(
                try await member.store.put(
                    Bytes(request.key), Bytes(request.value), leading: member.leading(call, response)))
        }
        // A lease that is not there is told of before a key that is not; within transactions it is the other way round.
        if request.ignoreValue, request.lease != 0, try member.store.lease(request.lease) == nil {
            throw Status.leaseNotFound
        }
        let response = { @Sendable [member] (result: TransactionResult) in
            var response = EtcdPutResponse()
            if request.prevKv, case .put(let previous?)? = result.outputs.first {
                response.prevKv = EtcdKeyValue(previous)
            }
            response.header = member.header(result.revision)
            return response
        }
        return response(
            try await member.store.transaction(
                Transaction(then: [request.operation]), leading: member.leading(call, response)))
    }

    private func deleteRange(_ request: EtcdDeleteRangeRequest, _ call: Call) async throws -> EtcdDeleteRangeResponse {
        try member.alarms.requireWritable(grows: false)
        let response = { @Sendable [member] (result: TransactionResult) in
            var response = EtcdDeleteRangeResponse()
            if case .delete(let count, let previous)? = result.outputs.first { response = .init(count, previous) }
            response.header = member.header(result.revision)
            return response
        }
        return response(
            try await member.store.transaction(
                Transaction(then: [request.operation]), leading: member.leading(call, response)))
    }

    @Sendable private func check(_ request: EtcdTxnRequest) throws {
        try TransactionCheck.check(request, member.options)
    }

    private func transaction(_ request: EtcdTxnRequest, bytes: Int, _ call: Call) async throws -> EtcdTxnResponse {
        if !request.isReadOnly { try checkSize(bytes) }
        if request.writes { try member.alarms.requireWritable(grows: request.puts) }
        return try await TransactionExecution.run(request, member, call)
    }

    /// Counts as etcd does, by what goes into its log.
    private func checkSize(_ bytes: Int) throws {
        if bytes + Limits.requestOverhead > member.options.maximumRequestBytes { throw Status.requestTooLarge }
    }

    private func compact(_ request: EtcdCompactionRequest) async throws -> EtcdCompactionResponse {
        try member.alarms.requireWritable(grows: false)
        // Revision 1 is the empty store: there is nothing before it.
        if request.revision > 1 {
            try await member.store.compact(through: Revision(onWire: request.revision))
        } else if try member.store.statistics().compacted > 0 {
            throw Status.compacted
        }
        var response = EtcdCompactionResponse()
        response.header = member.header()
        return response
    }
}
