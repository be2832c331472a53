import Foundation
import TestSupport
import Testing
import Vigil

/// Copies the files of a store that is open, and opens the copy.
///
/// At the level `.sync`, while nobody writes and no checkpoint or compaction is under way, the files are what a loss of
/// power would leave.
func openImage(of live: String, at image: String, _ options: StoreOptions) async throws -> WatchStore {
    try copyOpenStore(at: live, to: image)
    return try await WatchStore.open(image, options: options)
}

/// An acknowledged write survives. What a killed process leaves behind is tested in `CrashTests`; here, what stands on
/// disk between two writes, which is what a loss of power leaves at the level `.sync`.
@Suite(.timeLimit(.minutes(1))) struct P10CrashSafe {
    @Test func theFilesBetweenTwoWritesAreAWholeStore() async throws {
        try await withTemporaryDirectory { directory in
            var options = tightOptions()
            options.log.checkpointInterval = .seconds(3600)
            let store = try await WatchStore.open(directory + "/live", options: options)
            for index in 1...60 {
                try await store.put(Bytes("k/\(index % 7)"), Bytes("\(index)"))
                guard index % 6 == 0 else { continue }
                let image = directory + "/image-\(index)"
                let copy = try await openImage(of: directory + "/live", at: image, options)
                #expect(copy.head == Revision(index))
                #expect(try copy.get(Bytes("k/\(index % 7)"))?.value == Bytes("\(index)"))
                #expect(try copy.check(deep: true).problems == [])
                try await copy.close()
            }
            try await store.close()
        }
    }

    @Test func aStoreThatIsDroppedWithoutClosingLosesNothing() async throws {
        try await withTemporaryDirectory { path in
            do {
                let store = try await WatchStore.open(path, options: tightOptions())
                for index in 1...50 { try await store.put("k", Bytes("\(index)")) }
            }
            // The lock is given back by a thread that closes what was dropped.
            var store: WatchStore?
            while store == nil {
                try Task.checkCancellation()
                do {
                    store = try await WatchStore.open(path, options: tightOptions())
                } catch let error as StoreError where error.code == .locked {
                    await Task.yield()
                }
            }
            #expect(store?.head == 50)
            try await store?.close()
        }
    }
}
