import GRPCClient
import SwiftProtobuf
import TestSupport
import Vigil
import WireMessages

@testable import VigilServer

extension EtcdClient {
    func status() async throws -> EtcdStatusResponse {
        try await call("Maintenance/Status", EtcdStatusRequest())
    }

    func alarm(
        _ action: EtcdAlarmRequest.AlarmAction, _ alarm: EtcdAlarmType = .none, member: UInt64 = 0
    ) async throws -> [EtcdAlarmMember] {
        var request = EtcdAlarmRequest()
        request.action = action
        request.alarm = alarm
        request.memberID = member
        let response: EtcdAlarmResponse = try await call("Maintenance/Alarm", request)
        return response.alarms
    }

    func hashKV(at revision: Int64 = 0) async throws -> EtcdHashKVResponse {
        var request = EtcdHashKVRequest()
        request.revision = revision
        return try await call("Maintenance/HashKV", request)
    }

    func downgrade(
        _ action: EtcdDowngradeRequest.DowngradeAction, _ version: String
    ) async throws -> EtcdDowngradeResponse {
        var request = EtcdDowngradeRequest()
        request.action = action
        request.version = version
        return try await call("Maintenance/Downgrade", request)
    }

    func startSnapshot() async throws -> ClientCall {
        let call = try await client.call("/etcdserverpb.Maintenance/Snapshot")
        try await call.send(EtcdSnapshotRequest().serializedBytes(), isLast: true)
        return call
    }

    /// All responses of a snapshot.
    func snapshot() async throws -> [EtcdSnapshotResponse] {
        let call = try await startSnapshot()
        var responses: [EtcdSnapshotResponse] = []
        while let message = try await call.next() {
            responses.append(try EtcdSnapshotResponse(serializedBytes: message))
        }
        return responses
    }
}

/// A member that nobody serves.
func withMember(_ body: (Member) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
        let store = try await WatchStore.open(directory + "/store")
        try await body(Member(store: store, options: EtcdServerOptions()))
        try await store.close()
    }
}
