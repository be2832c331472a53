import ChildProcess
import Foundation
import TestSupport
import Testing
import Vigil

/// Shrinking beside other processes.
@Suite(.timeLimit(.minutes(5))) struct ShrinkTests {
    @Test func isRefusedWhileAnotherProcessHasTheStoreOpen() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/store"
            let filling = try await WatchStore.open(path)
            let value = Bytes(String(repeating: "v", count: 500))
            let puts = (1...2000).map { Transaction(then: [.put(Bytes("k\($0)"), value)]) }
            for result in try await filling.transactions(puts) { _ = try result.get() }
            // Moves them into LMDB.
            try await filling.close()
            let store = try await WatchStore.open(path)
            try await store.deleteRange(.all)
            // The deletes too lie before the compaction then.
            try await store.put("last", "v")
            try await store.compact(through: store.head)
            let free = try store.statistics().freeBytes
            #expect(free > 500_000)

            let follower = try ChildProcess(built: "CrashWriter", ["follow", path, String(store.head)])
            var lines = follower.lines.makeAsyncIterator()
            _ = try #require(await lines.next())
            await #expect(throws: StoreError.self) { try await store.shrink() }
            do {
                try await store.shrink()
            } catch let error as StoreError {
                #expect(error.code == .locked)
                #expect(error.message.contains("process \(follower.processIdentifier)"), "\(error)")
            }
            // Neither noticed anything.
            try await store.put("seen", "1")
            while let line = await lines.next(), !line.contains(" seen ") {}
            follower.kill()
            _ = await follower.status()

            // One that has the file open and reads nothing yet has no place among the readers.
            let opener = try ChildProcess(built: "CrashWriter", ["hold", path])
            var held = opener.lines.makeAsyncIterator()
            _ = try #require(await held.next())
            do {
                try await store.shrink()
                Issue.record("the file was swapped beneath another process")
            } catch let error as StoreError {
                #expect(error.code == .locked)
                #expect(error.message.contains("process \(opener.processIdentifier)"), "\(error)")
            }
            try await store.put("seen", "2")
            opener.kill()
            _ = await opener.status()

            let (before, after) = try await store.shrink()
            #expect(before - after >= free * 9 / 10)
            #expect(try store.statistics().fileBytes == after)
            try await store.put("seen", "3")
            let second = try ChildProcess(built: "CrashWriter", ["follow", path, String(store.head)])
            var later = second.lines.makeAsyncIterator()
            #expect(await later.next() == "event \(store.head) seen 3")
            second.kill()
            #expect(try store.check(deep: true).problems == [])
            try await store.close()
        }
    }

    @Test func whatACrashLeftOfACopyIsRemoved() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/store"
            let store = try await WatchStore.open(path)
            try await store.put("k", "v")
            try await store.close()
            try Data("half a copy".utf8).write(to: URL(fileURLWithPath: path + "/data.mdb.new"))
            let reader = try await WatchStore.open(path, options: StoreOptions(access: .readOnly))
            #expect(try reader.get("k")?.value == "v")
            try await reader.close()
            #expect(FileManager.default.fileExists(atPath: path + "/data.mdb.new"))
            let writer = try await WatchStore.open(path)
            #expect(!FileManager.default.fileExists(atPath: path + "/data.mdb.new"))
            try await writer.close()
        }
    }
}
