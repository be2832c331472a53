import CDiskShim
import Foundation
import Vigil

/// Runs on a disk whose first operation of a kind fails, then on one whose second does, and so on until a run has no such
/// operation any more. Prints the problems, and at the end what the writers were told how often.
func failEach(_ operations: disk_operation, with error: Int32, lasting: Bool, in directory: String) async {
    disk_start(directory, nil, 0)
    var told: [String: Int] = [:]
    var nth: Int64 = 1
    while true {
        let path = "\(directory)/\(nth)"
        let run = FaultRun(path: path, place: "operation \(nth)")
        disk_fail(Int32(operations.rawValue), nth, error, lasting, nil)
        let store = await run.open()
        var watching: Task<Void, Never>?
        if let store {
            let (revisions, watched) = AsyncStream<Revision>.makeStream()
            watching = watch(store, watched)
            await run.write(store, count: 16)
            // Beside what was asked of the disk: reads.
            run.verify(store)
            await run.follow(revisions, through: store.head)
        }
        let seen = disk_operations()
        disk_fail(0, 0, 0, false, nil)
        if let store {
            await run.goOn(store)
            run.verify(store)
            await run.close(store)
        }
        await watching?.value
        await run.reopen()
        for code in Set(run.codes.map(\.description)) { told[code, default: 0] += 1 }
        try? FileManager.default.removeItem(atPath: path)
        if seen < nth { break }
        nth += 1
    }
    let codes = told.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: " ")
    say("done \(nth - 1) faults, \(disk_failures()) failures: \(codes)")
}

/// Passes on what a watch from the beginning sees. One that a compaction overtakes begins again.
private func watch(_ store: WatchStore, _ watched: AsyncStream<Revision>.Continuation) -> Task<Void, Never> {
    Task {
        defer { watched.finish() }
        while true {
            do {
                for try await update in try store.watch(.all, from: .earliest) {
                    if case .update(let update) = update { watched.yield(update.revision) }
                }
                return
            } catch let error as StoreError where error.code == .compacted {
                continue
            } catch {
                return say("problem: a watch failed: \(error)")
            }
        }
    }
}
