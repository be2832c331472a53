import Crypto
import GRPCServer
import SwiftProtobuf
import Vigil
import WireMessages

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// `Maintenance.Snapshot`: a backup of the store as one stream of bytes, which `etcdctl snapshot save` makes a file of, and
/// `vigil restore` a store of that.
///
///     stream = backup (BackupFormat.swift in RevisionLog)
///              zeros, up to a multiple of 512 bytes
///              SHA-256 of all that, 32 bytes
///
/// etcd's clients keep a file only if its length has that form; what is in it only Vigil can read.
struct SnapshotCall {
    private let call: Call
    private let member: Member

    init(_ call: Call, _ member: Member) {
        self.call = call
        self.member = member
    }

    func run() async throws {
        try await member.upkeep.alone {
            let file = try await SnapshotFile.make(of: member.store)
            let total = (file.report.bytes + Limits.snapshotPage - 1) / Limits.snapshotPage * Limits.snapshotPage
            var digest = SHA256()
            var sent = 0
            while sent < total {
                var part = try await file.read(at: sent, atMost: Limits.responseBytes)
                if part.isEmpty { part = [UInt8](repeating: 0, count: total - sent) }
                digest.update(data: part)
                sent += part.count
                try await send(part, remaining: total - sent)
            }
            try await send(Array(digest.finalize()), remaining: 0)
        }
    }

    private func send(_ blob: [UInt8], remaining: Int) async throws {
        try await call.send {
            var response = EtcdSnapshotResponse()
            response.header = member.header()
            response.version = Member.apiVersion
            response.remainingBytes = UInt64(remaining)
            response.blob = Data(blob)
            return try response.serializedBytes()
        }
    }
}
