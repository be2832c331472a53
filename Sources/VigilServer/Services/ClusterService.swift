import GRPCServer
import Threads
import WireMessages

/// `etcdserverpb.Cluster`: one member, for ever.
struct ClusterService {
    let member: Member

    var methods: [ServedMethod] {
        [
            .unary("/etcdserverpb.Cluster/MemberList", .user) { (_: EtcdMemberListRequest) in memberList() },
            .unary("/etcdserverpb.Cluster/MemberAdd", .root) { try add($0) },
            .unary("/etcdserverpb.Cluster/MemberRemove", .root) { try remove($0) },
            .unary("/etcdserverpb.Cluster/MemberUpdate", .root) { try update($0) },
            .unary("/etcdserverpb.Cluster/MemberPromote", .root) { try promote($0) },
        ]
    }

    private func memberList() -> EtcdMemberListResponse {
        var only = EtcdMember()
        only.id = member.memberID
        only.name = "vigil"
        only.clientUrls = [member.clientURL.withLock { $0 }]
        var response = EtcdMemberListResponse()
        response.header = member.header()
        // What is said of members has no revision.
        response.header.revision = 0
        response.members = [only]
        return response
    }

    // MARK: What one member cannot do

    private func add(_ request: EtcdMemberAddRequest) throws -> EtcdMemberAddResponse {
        try requirePeers(request.peerUrls)
        throw Status(.failedPrecondition, "etcdserver: vigil is a single member, and none can be added")
    }

    private func remove(_ request: EtcdMemberRemoveRequest) throws -> EtcdMemberRemoveResponse {
        try requireMember(request.id)
        throw Status.tooFewMembers
    }

    private func update(_ request: EtcdMemberUpdateRequest) throws -> EtcdMemberUpdateResponse {
        try requirePeers(request.peerUrls)
        try requireMember(request.id)
        throw Status(.failedPrecondition, "etcdserver: vigil is a single member, and has no peers to be found by")
    }

    private func promote(_ request: EtcdMemberPromoteRequest) throws -> EtcdMemberPromoteResponse {
        try requireMember(request.id)
        throw Status.memberNotLearner
    }

    private func requireMember(_ id: UInt64) throws(Status) {
        guard id == member.memberID else { throw Status.memberNotFound }
    }

    /// A peer is `http://HOST:PORT` or the same with `https`.
    private func requirePeers(_ urls: [String]) throws(Status) {
        let areValid = urls.allSatisfy { url in
            guard let address = ["http://", "https://"].first(where: url.hasPrefix).map({ url.dropFirst($0.count) }),
                let colon = address.lastIndex(of: ":"), colon > address.startIndex
            else { return false }
            return UInt16(address[address.index(after: colon)...]) != nil
        }
        guard areValid, !urls.isEmpty else { throw Status.memberURLsInvalid }
    }
}
