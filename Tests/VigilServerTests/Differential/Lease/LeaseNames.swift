import WireMessages

/// Ids of leases as both servers know them. Most are given by who asks, and the same; those that the servers choose are
/// named by numbers that nobody else gives.
struct LeaseNames {
    private static let firstChosen: Int64 = 1 << 40

    private var ours: [Int64] = []
    private var theirs: [Int64] = []

    /// The names of chosen leases.
    var chosen: [Int64] { ours.indices.map { Self.firstChosen + Int64($0) } }

    /// What names the next lease that the servers choose.
    mutating func add(ours id: Int64, theirs theirID: Int64) {
        ours.append(id)
        theirs.append(theirID)
    }

    func ourID(_ name: Int64) -> Int64 { id(name, ours) }

    func theirID(_ name: Int64) -> Int64 { id(name, theirs) }

    private func id(_ name: Int64, _ ids: [Int64]) -> Int64 {
        let index = name &- Self.firstChosen
        return index >= 0 && index < Int64(ids.count) ? ids[Int(index)] : name
    }

    func name(ours id: Int64) -> Int64 { name(id, ours) }

    func name(theirs id: Int64) -> Int64 { name(id, theirs) }

    private func name(_ id: Int64, _ ids: [Int64]) -> Int64 {
        ids.firstIndex(of: id).map { Self.firstChosen + Int64($0) } ?? id
    }
}

// Replacing ids of leases by names and names by ids, wherever they are.

extension EtcdPutRequest {
    func mappingLeases(_ map: (Int64) -> Int64) -> Self {
        var request = self
        if lease != 0 { request.lease = map(lease) }
        return request
    }
}

extension EtcdTxnRequest {
    func mappingLeases(_ map: (Int64) -> Int64) -> Self {
        var request = self
        for index in compare.indices where compare[index].target == .lease {
            request.compare[index].lease = map(compare[index].lease)
        }
        request.success = success.map { $0.mappingLeases(map) }
        request.failure = failure.map { $0.mappingLeases(map) }
        return request
    }
}

extension EtcdRequestOp {
    fileprivate func mappingLeases(_ map: (Int64) -> Int64) -> Self {
        var operation = self
        switch request {
        case .requestPut(let put): operation.requestPut = put.mappingLeases(map)
        case .requestTxn(let nested): operation.requestTxn = nested.mappingLeases(map)
        case .requestRange, .requestDeleteRange, nil: break
        }
        return operation
    }
}

extension EtcdKeyValue {
    mutating func mapLease(_ map: (Int64) -> Int64) { if lease != 0 { lease = map(lease) } }
}

extension EtcdRangeResponse {
    mutating func mapLeases(_ map: (Int64) -> Int64) {
        for index in kvs.indices { kvs[index].mapLease(map) }
    }
}

extension EtcdPutResponse {
    mutating func mapLeases(_ map: (Int64) -> Int64) { if hasPrevKv { prevKv.mapLease(map) } }
}

extension EtcdDeleteRangeResponse {
    mutating func mapLeases(_ map: (Int64) -> Int64) {
        for index in prevKvs.indices { prevKvs[index].mapLease(map) }
    }
}

extension EtcdTxnResponse {
    mutating func mapLeases(_ map: (Int64) -> Int64) {
        for index in responses.indices {
            switch responses[index].response {
            case .responseRange: responses[index].responseRange.mapLeases(map)
            case .responsePut: responses[index].responsePut.mapLeases(map)
            case .responseDeleteRange: responses[index].responseDeleteRange.mapLeases(map)
            case .responseTxn: responses[index].responseTxn.mapLeases(map)
            case nil: break
            }
        }
    }
}
