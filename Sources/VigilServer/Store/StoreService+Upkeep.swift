import GRPCServer
import SwiftProtobuf
import Threads
import Vigil
import WireMessages

extension StoreService {
    var upkeepMethods: [ServedMethod] {
        [
            .store("Compact", .root) { try await compact($0) },
            .streamingStore("Seal", .root) { (_: WireSealRequest, call) in try await seal(call) },
            .store("Shrink", .root) { (_: WireShrinkRequest) in
                let (before, after) = try await store.shrink()
                var response = WireShrinkResponse()
                response.bytesBefore = Int64(before)
                response.bytesAfter = Int64(after)
                return response
            },
            .streamingStore("Check", .root) { try await check($0, $1) },
            .streamingStore("Backup", .root) { (request: WireBackupRequest, call) in
                try await member.upkeep.alone { try await BackupStream(call, store).run(request) }
            },
        ]
    }

    private func compact(_ request: WireCompactRequest) async throws -> WireCompactResponse {
        var response = WireCompactResponse()
        switch request.kept {
        case .first(let first) where request.isPreview:
            return WireCompactResponse(try store.compactionPreview(through: first))
        case .retention(let retention) where request.isPreview:
            return WireCompactResponse(try store.compactionPreview(keeping: Retention(retention)))
        case .first(let first):
            try await store.compact(through: first, overridesCursors: request.overridesCursors)
            response.earliest = first
        case .retention(let retention):
            response.earliest = try await store.compact(
                keeping: Retention(retention), overridesCursors: request.overridesCursors)
        case nil: throw MalformedMessage("the message does not say what to keep")
        }
        return response
    }

    private func seal(_ call: Call) async throws {
        try await withProgress(call) { progress in
            var response = WireSealResponse()
            response.progress = progress
            return try response.serializedBytes()
        } _: {
            try await store.seal(progress: $0)
        }
    }

    private func check(_ request: WireCheckRequest, _ call: Call) async throws {
        try await member.upkeep.alone {
            let report = try await withProgress(call) { progress in
                var response = WireCheckResponse()
                response.progress = progress
                return try response.serializedBytes()
            } _: { [store] report in
                try await onThread { try store.check(deep: request.deep, progress: report) }
            }
            var response = WireCheckResponse()
            response.report = WireCheckResponse.Report(report)
            try await call.send(response.serializedBytes())
        }
    }
}

/// Work that reads all of the store: one at a time, since each takes a thread and the disk.
final class Upkeep: Sendable {
    private let isBusy = Lock(false)

    func alone<R>(_ body: () async throws -> R) async throws -> R {
        let isFirst = isBusy.withLock { isBusy in
            defer { isBusy = true }
            return !isBusy
        }
        guard isFirst else {
            throw StoreError(.busy, "the server is making a backup or checking the store already; try again after it")
        }
        defer { isBusy.withLock { $0 = false } }
        return try await body()
    }
}
