import CDiskShim
import Foundation
import Vigil

/// Writes and closes; records into `trace` what that does to the disk, and what it was asked and acknowledged when.
func record(_ path: String, into trace: String, seed: String, isSync: Bool, count: Int) async throws {
    // Flushes take as long as on a disk that is fast, so that writes meet a flush that is under way.
    disk_start((path as NSString).deletingLastPathComponent, trace, 100)
    let store = try await WatchStore.open(
        path, options: smallOptions(isSync ? .sync : .interval(.milliseconds(5))))
    // A reader, which keeps pages of LMDB from being used again, and looks at what is being written.
    let reader = Task {
        for try await event in try store.watch(.all, from: .earliest).events {
            _ = try store.get(event.key)
            _ = try store.range(.prefix("w1/"), RangeOptions(at: max(store.earliest, event.revision)))
        }
    }
    try await Workload(seed: seed, count: count, retained: 60, slack: 20).run(store)
    try await store.close()
    _ = await reader.result
}
