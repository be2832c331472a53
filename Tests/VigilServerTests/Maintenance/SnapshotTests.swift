import Crypto
import Foundation
import GRPCClient
import TestSupport
import Testing
import Vigil
import WireMessages

@testable import VigilServer

/// Snapshots over the wire, and stores made of them.
@Suite(.timeLimit(.minutes(1))) struct SnapshotTests {
    @Test func makesAStoreOfTheSameContents() async throws {
        try await withTemporaryDirectory { directory in
            let file = directory + "/saved"
            let hash = try await withEtcd { etcd, store in
                for number in 0..<500 { try await etcd.put("\(number % 100)", "value \(number)") }
                try await etcd.compact(100)
                let parts = try await etcd.snapshot()
                let bytes = parts.flatMap { Array($0.blob) }
                #expect(bytes.count % 512 == 32)
                #expect(bytes.suffix(32).elementsEqual(SHA256.hash(data: bytes.dropLast(32))))
                var left = bytes.count - 32
                for part in parts.dropLast() {
                    left -= part.blob.count
                    #expect(part.remainingBytes == left)
                }
                #expect(left == 0 && parts.last?.remainingBytes == 0)
                #expect(
                    !(try FileManager.default.contentsOfDirectory(atPath: store.path)).contains {
                        $0.hasPrefix(SnapshotFile.prefix)
                    })
                try Data(bytes).write(to: URL(fileURLWithPath: file))
                return try await etcd.hashKV().hash
            }
            let report = try await WatchStore.restore(from: file, to: directory + "/store")
            #expect(report.head == 500 && report.earliest == 99 && report.keys == 100)
            let restored = try await WatchStore.open(directory + "/store")
            #expect(try await ContentHash.of(restored).hash == hash)
            try await restored.close()
        }
    }

    /// Only zeros and a digest may follow the backup, and only so many that the length has its form.
    @Test func whatElseFollowsIsDamage() async throws {
        try await withTemporaryDirectory { directory in
            let bytes = try await withEtcd { etcd, _ in
                try await etcd.put("a", "1")
                return try await etcd.snapshot().flatMap { Array($0.blob) }
            }
            func verify(_ bytes: [UInt8]) async throws {
                try Data(bytes).write(to: URL(fileURLWithPath: directory + "/file"))
                try await WatchStore.verify(backup: directory + "/file")
            }
            try await verify(bytes)
            var padding = bytes
            padding[bytes.count - 33] = 1
            for damaged in [padding, bytes + [0], bytes.dropLast(), bytes + [UInt8](repeating: 0, count: 512)] {
                await #expect(throws: StoreError.self) { try await verify(damaged) }
            }
            var other = bytes
            other[bytes.count - 1] ^= 1
            try await verify(other)
        }
    }

    @Test func whatAKilledProcessLeftIsRemoved() async throws {
        try await withTemporaryDirectory { directory in
            try FileManager.default.createDirectory(
                atPath: directory + "/snapshot-1", withIntermediateDirectories: true)
            for name in ["snapshot-1/vigil-1-1.backup.partial", "data.mdb"] {
                try Data("x".utf8).write(to: URL(fileURLWithPath: "\(directory)/\(name)"))
            }
            SnapshotFile.removeLeftovers(in: directory)
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["data.mdb"])
        }
    }

    /// Somebody who takes a snapshot and reads nothing keeps nobody else from writing, nor space from being used again.
    @Test func aClientThatDoesNotReadHoldsNothing() async throws {
        try await withEtcd { etcd, store in
            let value = String(repeating: "v", count: 1 << 20)
            for number in 0..<4 { try await etcd.put("\(number)", value + String(number)) }
            let call = try await etcd.startSnapshot()
            _ = try #require(try await call.next())
            for _ in 0..<20 {
                try await etcd.put("0", value)
                try await store.compact(through: store.head)
            }
            // Nearly all of 20 MiB was written over what it replaced.
            #expect(try store.statistics().fileBytes < 16 << 20)
            try await call.cancel()
        }
    }
}
