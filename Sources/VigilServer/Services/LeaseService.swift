import GRPCServer
import SwiftProtobuf
import Vigil
import WireMessages

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// `etcdserverpb.Lease`: leases are granted, kept alive, revoked and looked at.
struct LeaseService {
    let member: Member

    var methods: [ServedMethod] {
        [
            .unary("/etcdserverpb.Lease/LeaseGrant", .user) { request in
                try await member.writing { try await grant(request) }
            },
            .unary("/etcdserverpb.Lease/LeaseRevoke", .keys(member.store)) { request in
                try await member.writing { try await revoke(request) }
            },
            .streaming("/etcdserverpb.Lease/LeaseKeepAlive", isLasting: true) { call, credentials in
                while let bytes = try await call.next() {
                    let request = try EtcdLeaseKeepAliveRequest(bytes)
                    try await credentials.check(request, .keys(member.store))
                    let response = try keepAlive(request)
                    try await call.send(try response.serializedBytes())
                }
            },
            .unary("/etcdserverpb.Lease/LeaseTimeToLive", .keys(member.store)) { try timeToLive($0) },
            .unary("/etcdserverpb.Lease/LeaseLeases", .keys(member.store)) { (_: EtcdLeaseLeasesRequest) in try leases()
            },
        ]
    }

    private func grant(_ request: EtcdLeaseGrantRequest) async throws -> EtcdLeaseGrantResponse {
        // Before what is wrong with the request, as etcd does.
        try member.alarms.requireWritable(grows: true)
        guard request.ttl <= Limits.longestLease else { throw Status.leaseTooLong }
        let lease = try await member.store.grantLease(seconds: max(request.ttl, Limits.shortestLease), id: request.id)
        var response = EtcdLeaseGrantResponse()
        response.header = member.header()
        response.id = lease.id
        response.ttl = lease.seconds
        return response
    }

    private func revoke(_ request: EtcdLeaseRevokeRequest) async throws -> EtcdLeaseRevokeResponse {
        try member.alarms.requireWritable(grows: false)
        var response = EtcdLeaseRevokeResponse()
        response.header = member.header(try await member.store.revokeLease(request.id))
        return response
    }

    /// One that is gone has no time left, which is no error.
    private func keepAlive(_ request: EtcdLeaseKeepAliveRequest) throws -> EtcdLeaseKeepAliveResponse {
        var response = EtcdLeaseKeepAliveResponse()
        response.header = member.header()
        response.id = request.id
        response.ttl = try member.store.keepLeaseAlive(request.id)?.seconds ?? 0
        return response
    }

    private func timeToLive(_ request: EtcdLeaseTimeToLiveRequest) throws -> EtcdLeaseTimeToLiveResponse {
        var response = EtcdLeaseTimeToLiveResponse()
        response.header = member.header()
        response.id = request.id
        guard let lease = try member.store.lease(request.id), let remaining = lease.remaining, remaining > .zero else {
            response.ttl = -1
            return response
        }
        // The whole seconds that it has for sure.
        response.ttl = remaining.components.seconds
        response.grantedTtl = lease.seconds
        if request.keys {
            response.keys = try member.store.keys(ofLease: request.id).map { Data($0) }
        }
        return response
    }

    /// In the order in which they end.
    private func leases() throws -> EtcdLeaseLeasesResponse {
        var response = EtcdLeaseLeasesResponse()
        response.header = member.header()
        let leases = try member.store.leases().sorted { ($0.remaining ?? .zero) < ($1.remaining ?? .zero) }
        response.leases = leases.map { lease in
            var status = EtcdLeaseStatus()
            status.id = lease.id
            return status
        }
        return response
    }
}
