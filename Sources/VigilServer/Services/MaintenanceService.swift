import GRPCServer
import Vigil
import WireMessages

/// `etcdserverpb.Maintenance`: status, and alarms, of which there are none.
struct MaintenanceService {
    let member: Member

    var methods: [Method] {
        [
            .unary("/etcdserverpb.Maintenance/Status") { (_: EtcdStatusRequest) in try status() },
            .unary("/etcdserverpb.Maintenance/Alarm") { try alarm($0) },
        ]
            + ["Defragment", "Hash", "HashKV", "Snapshot", "MoveLeader", "Downgrade"].map {
                .unimplemented("/etcdserverpb.Maintenance/\($0)")
            }
    }

    private func status() throws -> EtcdStatusResponse {
        let statistics = try member.store.statistics()
        var response = EtcdStatusResponse()
        response.header = member.header(statistics.head)
        response.version = Member.apiVersion
        response.dbSize = Int64(statistics.fileBytes + statistics.journalBytes)
        response.dbSizeInUse = Int64(statistics.fileBytes)
        response.leader = member.memberID
        response.raftIndex = UInt64(statistics.head.headOnWire)
        response.raftAppliedIndex = response.raftIndex
        response.raftTerm = Member.term
        return response
    }

    private func alarm(_ request: EtcdAlarmRequest) throws -> EtcdAlarmResponse {
        if request.action == .activate {
            throw Status(.unimplemented, "vigil raises no alarms, and takes none")
        }
        var response = EtcdAlarmResponse()
        response.header = member.header()
        return response
    }
}
