import CDiskShim
import Foundation
import Vigil

/// Writes and closes; records into `trace` what that does to the disk, and what it was asked and acknowledged when.
/// The flush of number `failing`, if it is not 0, fails.
func record(
    _ path: String, into trace: String, seed: String, level: Substring, pace: Substring, count: Int, failing: Int64
) async throws {
    // Flushes take as long as on a disk that is fast, so that writes meet a flush that is under way.
    disk_start((path as NSString).deletingLastPathComponent, trace, 100)
    disk_fail(Int32(disk_flush.rawValue), failing, EIO, false, nil)
    do {
        try await write(path, seed: seed, options: options(level, pace), count: count)
    } catch let error as StoreError where failing > 0 && [.io, .readOnly].contains(error.code) {
        say("failed: \(error)")
    }
}

/// Checkpoints are made `often`, or about when the journal, which is then as small as can be, has no room left.
private func options(_ level: Substring, _ pace: Substring) -> StoreOptions {
    var options = smallOptions(level == "sync" ? .sync : .interval(.milliseconds(5)))
    if pace == "rarely" {
        options.log.segments = 2
        options.log.checkpointBytes = 128 << 10
        options.log.pendingBytes = 1 << 20
        options.log.checkpointInterval = .seconds(3600)
    }
    return options
}

private func write(_ path: String, seed: String, options: StoreOptions, count: Int) async throws {
    let store = try await WatchStore.open(path, options: options)
    // A reader, which keeps pages of LMDB from being used again, and looks at what is being written.
    let reader = Task {
        for try await event in try store.watch(.all, from: .earliest).events {
            _ = try store.get(event.key)
            _ = try store.range(.prefix("w1/"), RangeOptions(at: max(store.earliest, event.revision)))
        }
    }
    let result: Result<Void, any Error>
    do {
        result = .success(try await Workload(seed: seed, count: count, retained: 60, slack: 20).run(store))
    } catch {
        result = .failure(error)
    }
    try await store.close()
    _ = await reader.result
    try result.get()
}
