import Foundation
import TestSupport
import Testing
import Vigil

/// Directories that are not, or no longer, a store.
@Suite struct DirectoryTests {
    @Test func aFileOrAForeignDirectory() async throws {
        try await withTemporaryDirectory { directory in
            try Data("text".utf8).write(to: URL(fileURLWithPath: directory + "/file"))
            for access in [StoreOptions.Access.readWrite, .readOnly] {
                await expect(.notAStore) {
                    _ = try await WatchStore.open(directory + "/file", options: StoreOptions(access: access))
                }
                await expect(.notAStore) {
                    _ = try await WatchStore.open(directory, options: StoreOptions(access: access))
                }
            }
            await expect(.io) { _ = try await WatchStore.open(directory + "/no/such/parent") }
            await expect(.notAStore) {
                _ = try await WatchStore.open(directory + "/none", options: StoreOptions(access: .readOnly))
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["file"])
        }
    }

    @Test func aStoreThatIsNotToBeCreated() async throws {
        try await withTemporaryDirectory { directory in
            var options = StoreOptions()
            options.createsStore = false
            for path in [directory, directory + "/none"] {
                await expect(.notAStore) { _ = try await WatchStore.open(path, options: options) }
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory).isEmpty)
            try await WatchStore.open(directory).close()
            try await WatchStore.open(directory, options: options).close()
        }
    }

    @Test(.timeLimit(.minutes(1))) func aStoreThatIsRemovedWhileItIsFollowed() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/store"
            let writer = try await WatchStore.open(path)
            try await writer.put("k", "1")
            try await writer.close()
            let follower = try await WatchStore.open(path, options: StoreOptions(access: .readOnly))
            var elements = try follower.watch(.all, from: .earliest).makeAsyncIterator()
            _ = try await elements.next()
            try FileManager.default.removeItem(atPath: path)
            // A watch that just ended would look as if nothing more were to come.
            await expect(.notAStore) { while try await elements.next() != nil {} }
            await expect(.notAStore) { _ = try follower.get("k") }
            try await follower.close()
            #expect(try await elements.next() == nil)
        }
    }

    @Test func aSecondWriterInTheSameProcess() async throws {
        try await withTemporaryDirectory { path in
            let store = try await WatchStore.open(path)
            do {
                _ = try await WatchStore.open(path)
                Issue.record("a second writer was let in")
            } catch let error as StoreError {
                #expect(error.code == .locked)
                #expect(error.message.contains("process \(ProcessInfo.processInfo.processIdentifier)"))
            }
            await expect(.locked) { _ = try await WatchStore.open(path, options: StoreOptions(access: .readOnly)) }
            try await store.close()
            try await WatchStore.open(path).close()
        }
    }

    @Test(arguments: [0, 1, 100, 4096, 8191, 8192, 12288, 20000, 40000])
    func aTruncatedDataFile(_ length: Int) async throws {
        try await withImage { path in
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path + "/data.mdb"))
            guard try file.seekToEnd() > length else { return }
            try file.truncate(atOffset: UInt64(length))
            try file.close()
            do {
                _ = try await WatchStore.open(path)
                Issue.record("a data file of \(length) bytes was accepted")
            } catch let error as StoreError {
                #expect([.damaged, .notAStore].contains(error.code), "\(error)")
            }
        }
    }

    @Test func aDataFileOfAnotherKind() async throws {
        try await withImage { path in
            try Data(repeating: 0x55, count: 65536).write(to: URL(fileURLWithPath: path + "/data.mdb"))
            await expect(.notAStore) { _ = try await WatchStore.open(path) }
        }
    }

    @Test func aNewerFormat() async throws {
        try await withImage { path in
            let url = URL(fileURLWithPath: path + "/data.mdb")
            var data = try Data(contentsOf: url)
            // The format version follows the mark of the meta entry; older copies of the page are patched too.
            let mark = Data("VIGIL\0\0\0".utf8)
            var place = data.range(of: mark)
            while let found = place {
                data[found.upperBound] = 9
                place = data.range(of: mark, in: found.upperBound..<data.endIndex)
            }
            try data.write(to: url)
            do {
                _ = try await WatchStore.open(path)
                Issue.record("a newer format was opened")
            } catch let error as StoreError {
                #expect(error.code == .unsupportedFormat)
                #expect(error.message.contains("9") && error.message.contains("5"))
            }
        }
    }

    @Test func aJournalOfAnotherStore() async throws {
        try await withImage { path in
            try await withImage { other in
                try FileManager.default.removeItem(atPath: path + "/journal-000")
                try FileManager.default.copyItem(atPath: other + "/journal-000", toPath: path + "/journal-000")
                await expect(.damaged) { _ = try await WatchStore.open(path) }
            }
        }
    }

    /// Bytes of the journal flipped, one at a time: what was flushed and vouched for is never silently left out, and only
    /// the newest frame may be taken for a torn one.
    @Test func aFlippedByteInTheJournal() async throws {
        try await withImage { path in
            let data = try Data(contentsOf: URL(fileURLWithPath: path + "/journal-000"))
            let used = try #require(data.lastIndex { $0 != 0 }) + 1
            var accepted = 0
            for position in stride(from: 0, to: used, by: 37) {
                var flipped = data
                flipped[position] ^= 0x40
                // Closing moves what the journal has into LMDB: each flip needs the image again.
                let copy = path + "-\(position)"
                try FileManager.default.copyItem(atPath: path, toPath: copy)
                try flipped.write(to: URL(fileURLWithPath: copy + "/journal-000"))
                do {
                    let store = try await WatchStore.open(copy, options: options)
                    #expect(store.head >= DirectoryTests.revisions - 1, "byte \(position)")
                    #expect(try store.check(deep: true).problems == [], "byte \(position)")
                    try await store.close()
                    accepted += 1
                } catch let error as StoreError {
                    #expect(error.code == .damaged, "byte \(position): \(error)")
                    #expect(error.message.contains("journal-000"), "byte \(position): \(error)")
                    #expect(error.message.contains("byte"), "byte \(position): \(error)")
                }
            }
            // The newest frame is one of ten, and the padding of all may be anything.
            #expect(accepted > 0 && accepted < used / 37 / 2, "\(accepted) of \(used / 37)")
        }
    }

    /// A segment that ends early: only the newest frame may be missing, and nobody is told less than the truth.
    @Test func aTruncatedJournal() async throws {
        try await withImage { path in
            let data = try Data(contentsOf: URL(fileURLWithPath: path + "/journal-000"))
            let used = try #require(data.lastIndex { $0 != 0 }) + 1
            for length in [used, used - 1, used - 40, used / 2, 100, 64, 10, 1, 0] {
                let copy = path + "-\(length)"
                try FileManager.default.copyItem(atPath: path, toPath: copy)
                try data.prefix(length).write(to: URL(fileURLWithPath: copy + "/journal-000"))
                for access in [StoreOptions.Access.readOnly, .readWrite] {
                    var options = options
                    options.access = access
                    let store = try await WatchStore.open(copy, options: options)
                    // A file that was cut cannot be told from a journal that had come no further.
                    #expect(length < used || store.head == DirectoryTests.revisions, "\(length) bytes")
                    #expect(store.head >= 10, "\(length) bytes")
                    for revision in 1...store.head {
                        let event = try store.show(revision).update.events[0]
                        #expect(event.value == "value \(revision)", "\(length) bytes")
                    }
                    #expect(try store.check(deep: true).problems == [], "\(length) bytes")
                    try await store.close()
                }
            }
        }
    }

    @Test(.enabled(if: getuid() != 0, "root may read everything"))
    func whatMayNotBeRead() async throws {
        try await withTemporaryDirectory { directory in
            try FileManager.default.createDirectory(atPath: directory + "/closed", withIntermediateDirectories: false)
            chmod(directory + "/closed", 0)
            defer { chmod(directory + "/closed", 0o700) }
            await expect(.io) { _ = try await WatchStore.open(directory + "/closed") }
            await expect(.io) { _ = try await WatchStore.open(directory + "/closed/store") }
        }
    }

    private static let revisions: Revision = 20

    private var options: StoreOptions {
        var options = smallOptions()
        options.log.checkpointInterval = .seconds(3600)
        options.log.checkpointBytes = 60 << 10
        return options
    }

    /// Runs `body` with a copy of a store's files as they stand on disk while it is open: something in LMDB, something
    /// in the journal.
    private func withImage(_ body: (String) async throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            let live = directory + "/live"
            let first = try await WatchStore.open(live, options: options)
            for index in 1...10 { try await first.put("k/\(index % 3)", "value \(index)") }
            try await first.close()
            let store = try await WatchStore.open(live, options: options)
            for index in 11...20 { try await store.put("k/\(index % 3)", "value \(index)") }
            try copyOpenStore(at: live, to: directory + "/image")
            try await store.close()
            try await body(directory + "/image")
        }
    }
}
