import ChildProcess
import Foundation
import TestSupport
import Testing
import Vigil

/// A backup or a restore that is killed leaves nothing that looks whole, and nothing that is in the way of the next one.
@Suite(.timeLimit(.minutes(5))) struct BackupKillTests {
    @Test func nothingHalfIsLeft() async throws {
        try await withTemporaryDirectory { directory in
            let (path, file, copy) = (directory + "/store", directory + "/backup", directory + "/copy")
            let store = try await WatchStore.open(path)
            var random = SeededGenerator(1)
            for part in 0..<30 {
                let puts = (0..<100).map { index in
                    let value = (0..<200).map { _ in UInt8.random(in: 0...255, using: &random) }
                    return Transaction.Operation.put(Bytes("k\(part)/\(index)"), Bytes(value))
                }
                try await store.transaction(Transaction(then: puts))
            }
            let expected = try store.range(.all).keyValues
            try await store.close()
            let backupKills = try await killEverywhere(["backup", path, file], leaves: file)
            let restoreKills = try await killEverywhere(["restore", file, copy], leaves: copy)
            print("\(backupKills) kills of a backup, \(restoreKills) of a restore")
            #expect(backupKills >= 4 && restoreKills >= 2, "\(backupKills) and \(restoreKills) kills")
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: directory).sorted() == ["backup", "copy", "store"])
            let restored = try await WatchStore.open(copy, options: StoreOptions(access: .readOnly))
            #expect(try restored.range(.all).keyValues == expected)
            #expect(try restored.check(deep: true).isClean)
            try await restored.close()
        }
    }

    /// Runs it again and again, killed at one report of progress after the other, until it comes to its end. Returns how
    /// often it was killed.
    private func killEverywhere(_ arguments: [String], leaves path: String) async throws -> Int {
        for call in 1...1000 {
            let child = try ChildProcess(built: "CrashWriter", arguments + ["\(call)"])
            var lines: [String] = []
            for await line in child.lines { lines.append(line) }
            let status = await child.status()
            if lines == ["done"], status == 0 { return call - 1 }
            #expect(status == -SIGKILL)
            #expect(!FileManager.default.fileExists(atPath: path))
        }
        Issue.record("it never came to its end")
        return 0
    }
}

/// Backups by a process that follows a store while another writes it.
@Suite(.timeLimit(.minutes(2))) struct FollowerBackupTests {
    @Test func hasWhatWasAcknowledgedBefore() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/store"
            let writer = try ChildProcess(built: "CrashWriter", ["write", path, "1", "interval"])
            var acknowledged: [Acknowledged] = []
            var follower: WatchStore?
            var backups = 0
            for await line in writer.lines {
                acknowledged.append(try Acknowledged(line: line, "ack"))
                if follower == nil {
                    follower = try await WatchStore.open(path, options: StoreOptions(access: .readOnly))
                }
                // The follower has been open for long by now, and may be behind.
                guard acknowledged.count % 200 == 0 else { continue }
                let newest = acknowledged.map(\.revision).max()!
                let report = try await follower!.backup(to: "\(directory)/\(backups)")
                #expect(report.head >= newest)
                backups += 1
                if backups == 5 { break }
            }
            writer.kill()
            _ = await writer.status()
            try await follower?.close()
            #expect(backups == 5)
            for number in 0..<backups {
                try await WatchStore.restore(from: "\(directory)/\(number)", to: "\(directory)/\(number)-restored")
            }
            let restored = try await WatchStore.open("\(directory)/4-restored")
            #expect(try restored.check(deep: true).isClean)
            try await restored.close()
        }
    }
}
