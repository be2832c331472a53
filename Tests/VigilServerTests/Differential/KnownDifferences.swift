import GRPCServer
import Vigil
import WireMessages

@testable import VigilServer

/// Where this server differs from etcd, or from an old etcd, and means to. What is here is not compared.
enum KnownDifferences {
    /// A revision before everything: etcd's empty store can be compacted there, once.
    static func covers(_ request: EtcdCompactionRequest, _ view: StepGenerator.View) -> Bool {
        request.revision <= 1 && view.compacted <= 1
    }

    /// etcd takes revision -1 for none, until something is compacted.
    static func covers(_ request: EtcdTxnRequest, _ view: StepGenerator.View) -> Bool {
        if view.compacted == 0, request.all.contains(where: { $0.requestRange.revision == -1 }) { return true }
        return changesTwice(request)
    }

    /// etcd overlooks some deletes that cover what is put in the same transaction: those through the end of all keys, and
    /// those of one nested transaction of what another has put. It then changes a key twice in one revision, which we
    /// refuse.
    static func changesTwice(_ request: EtcdTxnRequest) -> Bool {
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
        var refusal = forgetMissingPassword(refusal)
        if refusal.code == 8, refusal.message.contains("2097152") { refusal.message = "too large a message" }
        return refusal
    }
}

extension KnownDifferences {
    /// etcd says of a user that has no password that it has none; here that cannot be told from a wrong one.
    static func forgetMissingPassword(_ refusal: EtcdClient.Refusal) -> EtcdClient.Refusal {
        guard refusal.message == "auth: authentication failed, password was given for no password user" else {
            return refusal
        }
        return EtcdClient.Refusal(code: Status.authFailed.code.rawValue, message: Status.authFailed.message)
    }

    /// Old etcds say nothing but *permission denied* of a watch that may not begin, and give it a number.
    static func forgetRefusal(_ ours: inout EtcdWatchResponse, _ theirs: inout EtcdWatchResponse) {
        guard ours.created, ours.canceled, theirs.created, theirs.canceled else { return }
        if ours.watchID == -1 { theirs.watchID = -1 }
        if theirs.cancelReason.contains("PermissionDenied"), ours.cancelReason.hasPrefix("rpc error: code = ") {
            ours.cancelReason = theirs.cancelReason
        }
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
