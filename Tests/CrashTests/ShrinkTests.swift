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
            // What does not compress, also not beside each other.
            let puts = (1...2000).map { number in
                let value = Bytes((0..<500).map { _ in UInt8.random(in: 0...255) })
                return Transaction(then: [.put(Bytes("k\(number)"), value)])
            }
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
            let opener = try ChildProcess(built: "CrashWriter", ["lock", path])
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

    /// Which is what a process leaves that opened the old file just before the swap and took the lock after it.
    @Test(arguments: [-3, 1, 6]) func aTableOfReadersOfAnotherFileIsNotBelieved(_ difference: Int) async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/store"
            let store = try await WatchStore.open(path)
            for index in 1...10 {
                try await store.put("k", Bytes("\(index)"))
                try await store.seal()
            }
            try await store.close()
            let holder = try ChildProcess(built: "CrashWriter", ["follow", path, "10"])
            defer { holder.kill() }
            var lines = holder.lines.makeAsyncIterator()
            #expect(await lines.next() == "event 10 k 10")
            // Its head, on 64-bit Linux: magic, format, a mutex of 40 bytes, the number of the last transaction.
            let table = try FileHandle(forUpdating: URL(fileURLWithPath: path + "/lock.mdb"))
            try table.seek(toOffset: 48)
            let number = try #require(try table.read(upToCount: 8)).withUnsafeBytes { $0.load(as: Int.self) }
            #expect((5...100).contains(number))
            try table.seek(toOffset: 48)
            try table.write(contentsOf: withUnsafeBytes(of: number + difference) { Data($0) })
            try table.close()
            for access in [StoreOptions.Access.readOnly, .readWrite] {
                do {
                    try await WatchStore.open(path, options: StoreOptions(access: access)).close()
                    Issue.record("it was opened")
                } catch let error as StoreError {
                    #expect(error.code == .locked, "\(error)")
                }
            }
            holder.kill()
            _ = await holder.status()
            let again = try await WatchStore.open(path)
            #expect(try again.get("k")?.value == "10")
            #expect(try again.check(deep: true).problems == [])
            try await again.close()
        }
    }

    /// Processes that come and go, to read, while the file is swapped beneath them.
    @Test func readersThatOpenMeanwhileSeeTheStore() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/store"
            let store = try await WatchStore.open(path)
            try await store.put("k", "v")
            let openers = (0..<3).map { _ in
                Task {
                    for _ in 0..<5 {
                        let reader = try ChildProcess(built: "CrashWriter", ["read", path])
                        var last = ""
                        for await line in reader.lines { last = line }
                        #expect(last == "clean")
                    }
                }
            }
            let shrinking = Task {
                var (shrunk, refused) = (0, 0)
                while !Task.isCancelled {
                    do {
                        try await store.shrink()
                        shrunk += 1
                    } catch let error as StoreError where error.code == .locked {
                        refused += 1
                    }
                }
                return (shrunk, refused)
            }
            for opener in openers { try await opener.value }
            shrinking.cancel()
            let (shrunk, refused) = try await shrinking.value
            #expect(shrunk > 0, "refused \(refused) times")
            #expect(try store.check(deep: true).problems == [])
            try await store.close()
            try await WatchStore.open(path).close()
        }
    }
}
