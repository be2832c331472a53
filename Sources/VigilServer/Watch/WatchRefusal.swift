import GRPCServer
import Vigil
import WireMessages

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Why a watch is not begun; clients know some of the texts. One that is not refused has been counted.
struct WatchRefusal {
    let reason: String

    /// The caller may not. Clients expect the text that gRPC for Go makes of a status.
    init(_ status: Status) {
        reason = "rpc error: code = \(status.code.nameInGo) desc = \(status.message)"
    }

    init?(_ request: EtcdWatchCreateRequest, table: WatchTable, member: Member) {
        if request.keys.isEmpty {
            reason = "mvcc: watcher range is empty"
        } else if request.startRevision < 0 {
            reason = "etcdserver: mvcc: required revision has been compacted"
        } else if request.watchID != 0, table.contains(request.watchID) {
            reason = "mvcc: duplicate watch ID provided on the WatchStream"
        } else if table.count >= member.options.maximumStreamWatches {
            reason = "etcdserver: the stream has \(table.count) watches, the limit; open another"
        } else if !member.watches.take() {
            reason = "etcdserver: the server has \(member.options.maximumWatches) watches, the limit"
        } else {
            return nil
        }
    }
}

extension Status.Code {
    fileprivate var nameInGo: String {
        switch self {
        case .permissionDenied: "PermissionDenied"
        case .unauthenticated: "Unauthenticated"
        case .invalidArgument: "InvalidArgument"
        default: "Unknown"
        }
    }
}

extension EtcdWatchCreateRequest {
    /// An empty key stands for the smallest one.
    var keys: KeyRange { KeyRange(key: key.isEmpty ? Data([0]) : key, end: rangeEnd) }

    /// Revision 1 is the empty store: everything from there on is everything.
    var start: WatchStart {
        startRevision == 0 ? .now : .revision(max(1, Revision(onWire: startRevision)))
    }

    var options: WatchOptions {
        WatchOptions(
            types: filters.contains(.noput) ? .deletes : filters.contains(.nodelete) ? .puts : .all,
            previousValues: prevKv, bufferSize: Limits.watchBuffer)
    }

    var wantsNothing: Bool { filters.contains(.noput) && filters.contains(.nodelete) }
}
