import GRPCServer
import SwiftProtobuf
import Vigil
import WireMessages

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension StoreService {
    var leaseMethods: [ServedMethod] {
        [
            .store("Leases", .keys(store)) { try leases($0) },
            .streamingStore("LeaseKeys", .keys(store)) { try await leaseKeys($0, $1) },
            .store("GrantLease", .user) { request in try await member.writing { try await grant(request) } },
            .store("RevokeLease", .keys(store)) { request in try await member.writing { try await revoke(request) } },
            .store("KeepLeaseAlive", .keys(store)) { try keepAlive($0) },
        ]
    }

    private func leases(_ request: WireLeasesRequest) throws -> WireLeasesResponse {
        let leases = request.hasID ? try store.lease(request.id).map { [$0] } ?? [] : try store.leases()
        var response = WireLeasesResponse()
        response.leases = leases.map { WireLease($0) }
        return response
    }

    /// They may be more than one message can have.
    private func leaseKeys(_ request: WireLeaseKeysRequest, _ call: Call) async throws {
        var response = WireLeaseKeysResponse()
        var bytes = 0
        for key in try store.keys(ofLease: request.id) {
            response.keys.append(Data(key))
            bytes += key.count + 8
            guard bytes >= Limits.pageBytes else { continue }
            try await call.send(response.serializedBytes())
            response = WireLeaseKeysResponse()
            bytes = 0
        }
        if !response.keys.isEmpty { try await call.send(response.serializedBytes()) }
    }

    private func grant(_ request: WireGrantLeaseRequest) async throws -> WireGrantLeaseResponse {
        try member.alarms.requireWritable(grows: true)
        var response = WireGrantLeaseResponse()
        response.lease = WireLease(try await store.grantLease(seconds: request.seconds, id: request.id))
        return response
    }

    private func revoke(_ request: WireRevokeLeaseRequest) async throws -> WireRevokeLeaseResponse {
        try member.alarms.requireWritable(grows: false)
        var response = WireRevokeLeaseResponse()
        response.revision = try await store.revokeLease(request.id)
        return response
    }

    private func keepAlive(_ request: WireKeepLeaseAliveRequest) throws -> WireKeepLeaseAliveResponse {
        var response = WireKeepLeaseAliveResponse()
        if let lease = try store.keepLeaseAlive(request.id) { response.lease = WireLease(lease) }
        return response
    }
}
