import Vigil
import WireMessages

@testable import VigilServer

/// Where this server differs from etcd, or from an old etcd, and means to. What is here is not compared.
enum KnownDifferences {
    /// A revision before everything: etcd's empty store can be compacted there, once.
    static func covers(_ request: EtcdCompactionRequest, _ view: StepGenerator.View) -> Bool {
        request.revision <= 1 && view.compacted <= 1
    }

    /// etcd overlooks some deletes that cover what is put in the same transaction: those through the end of all keys, and
    /// those of one nested transaction of what another has put. It then changes a key twice in one revision, which we
    /// refuse. And it takes revision -1 for none, until something is compacted.
    static func covers(_ request: EtcdTxnRequest, _ view: StepGenerator.View) -> Bool {
        if view.compacted == 0, request.all.contains(where: { $0.requestRange.revision == -1 }) { return true }
        guard (try? TransactionCheck.check(request, EtcdServerOptions())) != nil else { return false }
        let puts = request.all.compactMap { operation -> Bytes? in
            if case .requestPut(let put)? = operation.request { Bytes(put.key) } else { nil }
        }
        return request.all.contains { operation in
            guard case .requestDeleteRange(let delete)? = operation.request else { return false }
            return puts.contains { KeyRange(key: delete.key, end: delete.rangeEnd).contains($0) }
        }
    }

    /// Old etcds, 3.4.23 and 3.5.1 among them, take a negative start for the present; they lose deletes of the revision of
    /// the compaction; and they answer a request for progress whatever the watches are at, which loses events, too.
    static func covers(
        _ request: EtcdWatchRequest, _ stream: StreamPair, _ view: StepGenerator.View
    ) -> Bool {
        switch request.requestUnion {
        case .createRequest(let creation):
            creation.startRevision < 0 || creation.startRevision > 0 && creation.startRevision == view.compacted
        case .progressRequest: !stream.hasRunning || stream.mayReadHistory || stream.latestStart > view.head
        case .cancelRequest, nil: false
        }
    }
}

extension KnownDifferences {
    /// gRPC's own text of what a message's size exceeds is each library's own.
    static func forgetText(_ refusal: EtcdClient.Refusal) -> EtcdClient.Refusal {
        var refusal = refusal
        if refusal.code == 8, refusal.message.contains("2097152") { refusal.message = "too large a message" }
        return refusal
    }
}

extension EtcdTxnRequest {
    /// The steps of all branches, nested ones too.
    var all: [EtcdRequestOp] {
        (success + failure).flatMap { operation in
            if case .requestTxn(let nested)? = operation.request { nested.all } else { [operation] }
        }
    }
}
