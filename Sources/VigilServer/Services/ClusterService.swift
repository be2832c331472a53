import GRPCServer
import WireMessages

/// `etcdserverpb.Cluster`: one member, for ever.
struct ClusterService {
    let member: Member
    /// As clients may dial it.
    let url: String

    var methods: [Method] {
        [.unary("/etcdserverpb.Cluster/MemberList") { (_: EtcdMemberListRequest) in memberList() }]
            + ["MemberAdd", "MemberRemove", "MemberUpdate", "MemberPromote"].map {
                .unimplemented("/etcdserverpb.Cluster/\($0)")
            }
    }

    private func memberList() -> EtcdMemberListResponse {
        var only = EtcdMember()
        only.id = member.memberID
        only.name = "vigil"
        only.clientUrls = [url]
        var response = EtcdMemberListResponse()
        response.header = member.header()
        response.members = [only]
        return response
    }
}
