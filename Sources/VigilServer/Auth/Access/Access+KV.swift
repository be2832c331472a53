import GRPCServer
import Vigil
import WireMessages

// What requests of `etcdserverpb.KV` need. Ranges are checked as they will be carried out, as `KeyRange`.

extension Access where Request == EtcdRangeRequest {
    static let keys = Access.byRequest { try $1.check($0) }
}

extension Access where Request == EtcdPutRequest {
    static func keys(_ store: WatchStore) -> Access { .byRequest { try await $1.check($0, store) } }
}

extension Access where Request == EtcdDeleteRangeRequest {
    static let keys = Access.byRequest { try $1.check($0) }
}

extension Access where Request == EtcdTxnRequest {
    static func keys(_ store: WatchStore) -> Access { .byRequest { try await $1.check($0, store) } }
}

extension Caller {
    fileprivate func check(_ request: EtcdRangeRequest) throws(Status) {
        try requireRead(KeyRange(key: request.key, end: request.rangeEnd))
    }

    /// As in etcd, who sees what was there before must be allowed to read; who only keeps it needs not. And who attaches a
    /// key to a lease must be allowed to revoke that.
    fileprivate func check(_ request: EtcdPutRequest, _ store: WatchStore) async throws {
        let key = KeyRange.key(Bytes(request.key))
        try requireWrite(key)
        if request.prevKv { try requireRead(key) }
        if request.lease != 0 { try await requireWrite(keysOf: request.lease, in: store) }
    }

    fileprivate func check(_ request: EtcdDeleteRangeRequest) throws(Status) {
        let keys = KeyRange(key: request.key, end: request.rangeEnd)
        try requireWrite(keys)
        if request.prevKv { try requireRead(keys) }
    }

    /// All that it could do, whichever branch it takes: which one that is tells something of what is compared.
    fileprivate func check(_ request: EtcdTxnRequest, _ store: WatchStore) async throws {
        for compare in request.compare { try requireRead(KeyRange(key: compare.key, end: compare.rangeEnd)) }
        for operation in request.success { try await check(operation, store) }
        for operation in request.failure { try await check(operation, store) }
    }

    private func check(_ operation: EtcdRequestOp, _ store: WatchStore) async throws {
        switch operation.request {
        case .requestRange(let range): try check(range)
        case .requestPut(let put): try await check(put, store)
        case .requestDeleteRange(let delete): try check(delete)
        case .requestTxn(let nested): try await check(nested, store)
        case nil: break
        }
    }
}
