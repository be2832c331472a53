import GRPCServer
import Vigil
import WireMessages

/// `etcdserverpb.Maintenance`: how the member is, and what keeps it well.
struct MaintenanceService {
    let member: Member

    var methods: [ServedMethod] {
        [
            .unary("/etcdserverpb.Maintenance/Status", .user) { (_: EtcdStatusRequest) in try status() },
            .unary("/etcdserverpb.Maintenance/Alarm", .alarms) {
                try await AlarmCall($0, member).response()
            },
            .unary("/etcdserverpb.Maintenance/Defragment", .root) { (_: EtcdDefragmentRequest) in try await defragment()
            },
            .unary("/etcdserverpb.Maintenance/Hash", .root) { (_: EtcdHashRequest) in try await hash() },
            .unary("/etcdserverpb.Maintenance/HashKV", .root) { try await hashKV($0) },
            .serverStreaming("/etcdserverpb.Maintenance/Snapshot", .root) { (_: EtcdSnapshotRequest, call) in
                try await SnapshotCall(call, member).run()
            },
            .unary("/etcdserverpb.Maintenance/MoveLeader", .root) { try moveLeader($0) },
            .unary("/etcdserverpb.Maintenance/Downgrade", .root) { try downgrade($0) },
        ]
    }

    private func status() throws -> EtcdStatusResponse {
        let statistics = try member.store.statistics()
        var response = EtcdStatusResponse()
        response.header = member.header(statistics.head)
        response.version = Member.apiVersion
        // As etcd's, without what it has beside its database: there the log of Raft, here the journal.
        response.dbSize = Int64(statistics.fileBytes)
        response.dbSizeInUse = Int64(statistics.fileBytes - statistics.freeBytes)
        response.dbSizeQuota = Int64(member.options.quotaBytes ?? 0)
        response.leader = member.memberID
        response.raftIndex = UInt64(statistics.head.headOnWire)
        response.raftAppliedIndex = response.raftIndex
        response.raftTerm = Member.term
        response.errors = member.alarms.raised.map(\.description)
        return response
    }

    private func defragment() async throws -> EtcdDefragmentResponse {
        try await member.store.shrink()
        var response = EtcdDefragmentResponse()
        response.header = member.header()
        return response
    }

    private func hash() async throws -> EtcdHashResponse {
        let hashed = try await ContentHash.of(member.store)
        var response = EtcdHashResponse()
        response.header = member.header(hashed.revision)
        response.hash = hashed.hash
        return response
    }

    private func hashKV(_ request: EtcdHashKVRequest) async throws -> EtcdHashKVResponse {
        let compacted = try member.store.statistics().compacted
        let revision = request.revision > 0 ? Revision(onWire: request.revision) : nil
        // It could be told of the compaction revision itself; etcd's before 3.6 does not, and is asked in the same way.
        if let revision, compacted > 0, revision <= compacted { throw Status.compacted }
        let hashed = try await ContentHash.of(member.store, at: revision)
        var response = EtcdHashKVResponse()
        response.header = member.header()
        response.hash = hashed.hash
        response.hashRevision = hashed.revision.headOnWire
        // Of a store that was never compacted etcd says so.
        response.compactRevision = compacted == 0 ? -1 : compacted.onWire
        return response
    }

    /// There is nobody to move it to.
    private func moveLeader(_ request: EtcdMoveLeaderRequest) throws -> EtcdMoveLeaderResponse {
        guard request.targetID == member.memberID else { throw Status.badLeaderTransferee }
        return EtcdMoveLeaderResponse()
    }

    /// What etcd says of its versions; nothing becomes an older one.
    private func downgrade(_ request: EtcdDowngradeRequest) throws -> EtcdDowngradeResponse {
        switch request.action {
        case .validate, .enable:
            guard let target = APIVersion(request.version) else { throw Status.wrongDowngradeVersion }
            let current = APIVersion(Member.apiVersion)!
            guard target.major == current.major, target.minor == current.minor - 1 else {
                throw Status.invalidDowngradeVersion
            }
            guard request.action == .validate else {
                throw Status(
                    .failedPrecondition, "etcdserver: vigil has no older version to become; nothing is changed")
            }
            var response = EtcdDowngradeResponse()
            response.header = member.header()
            response.version = "\(current.major).\(current.minor).0"
            return response
        case .cancel: throw Status.noDowngrade
        case .UNRECOGNIZED: throw Status(.unknown, "etcdserver: unknown method")
        }
    }
}

/// A version of etcd, as `3.4` or `3.4.0`.
struct APIVersion {
    var major: Int
    var minor: Int

    init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { UInt16($0).map(Int.init) }
        guard (2...3).contains(parts.count), numbers.count == parts.count else { return nil }
        (major, minor) = (numbers[0], numbers[1])
    }
}
