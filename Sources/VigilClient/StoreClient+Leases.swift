public import Vigil
import WireMessages

extension StoreClient {
    /// As `WatchStore.leases()`.
    public func leases() async throws -> [Lease] {
        let response: WireLeasesResponse = try await unary("Leases", WireLeasesRequest())
        return response.leases.map { Lease($0) }
    }

    /// As `WatchStore.lease(_:)`.
    public func lease(_ id: Int64) async throws -> Lease? {
        var request = WireLeasesRequest()
        request.id = id
        let response: WireLeasesResponse = try await unary("Leases", request)
        return response.leases.first.map { Lease($0) }
    }

    /// As `WatchStore.keys(ofLease:)`.
    public func keys(ofLease id: Int64) async throws -> [Bytes] {
        var request = WireLeaseKeysRequest()
        request.id = id
        var keys: [Bytes] = []
        try await stream("LeaseKeys", request) { (response: WireLeaseKeysResponse) in
            keys += response.keys.map { Bytes($0) }
        }
        return keys
    }

    /// As `WatchStore.grantLease(seconds:id:)`.
    public func grantLease(seconds: Int64, id: Int64 = 0) async throws -> Lease {
        var request = WireGrantLeaseRequest()
        request.seconds = seconds
        request.id = id
        // Done twice it would make two, or say that there is one.
        let response: WireGrantLeaseResponse = try await unary("GrantLease", request, isRepeatable: false)
        guard response.hasLease else { throw malformed("a grant has no lease") }
        return Lease(response.lease)
    }

    /// As `WatchStore.revokeLease(_:)`.
    @discardableResult
    public func revokeLease(_ id: Int64) async throws -> Revision {
        var request = WireRevokeLeaseRequest()
        request.id = id
        // Done twice it would say that there was none.
        let response: WireRevokeLeaseResponse = try await unary("RevokeLease", request, isRepeatable: false)
        return response.revision
    }

    /// As `WatchStore.keepLeaseAlive(_:)`.
    @discardableResult
    public func keepLeaseAlive(_ id: Int64) async throws -> Lease? {
        var request = WireKeepLeaseAliveRequest()
        request.id = id
        let response: WireKeepLeaseAliveResponse = try await unary("KeepLeaseAlive", request)
        return response.hasLease ? Lease(response.lease) : nil
    }
}
