import SwiftProtobuf
import WireMessages

// What is sorted by something that several keys have alike comes in any order: etcd's sort is not stable for more than
// a few. So those that are alike are put in the order of their keys; and where a limit cut between them, only what they
// have alike is kept.

extension EtcdRangeResponse {
    mutating func forgetOrderOfEquals(_ request: EtcdRangeRequest) {
        func target(_ keyValue: EtcdKeyValue) -> String {
            switch request.sortTarget {
            case .key, .UNRECOGNIZED: "\(Array(keyValue.key))"
            case .version: "\(keyValue.version)"
            case .create: "\(keyValue.createRevision)"
            case .mod: "\(keyValue.modRevision)"
            case .value: request.keysOnly ? "" : "\(Array(keyValue.value))"
            }
        }
        guard request.sortTarget != .key, kvs.count > 1 || more else { return }
        let last = kvs.last.map(target)
        var sorted: [EtcdKeyValue] = []
        var alike: ArraySlice<EtcdKeyValue> = kvs[...]
        while let first = alike.first {
            let group = alike.prefix { target($0) == target(first) }
            alike = alike.dropFirst(group.count)
            if more, target(first) == last {
                sorted += group.map { _ in EtcdKeyValue.with { $0.value = .init(target(first).utf8) } }
            } else {
                sorted += group.sorted { $0.key.lexicographicallyPrecedes($1.key) }
            }
        }
        kvs = sorted
    }
}

extension EtcdTxnResponse {
    mutating func forgetOrderOfEquals(_ request: EtcdTxnRequest) {
        let operations = succeeded ? request.success : request.failure
        for (index, operation) in operations.enumerated() where index < responses.count {
            switch operation.request {
            case .requestRange(let range): responses[index].responseRange.forgetOrderOfEquals(range)
            case .requestTxn(let nested): responses[index].responseTxn.forgetOrderOfEquals(nested)
            case .requestPut, .requestDeleteRange, nil: break
            }
        }
    }
}
