import CDiskShim
import Foundation
import Vigil

/// Runs on a disk whose first operation of a kind fails, then on one whose second does, and so on until a run has no such
/// operation any more. Prints the problems, and at the end how often it did that.
func failEach(_ operations: disk_operation, with error: Int32, lasting: Bool, in directory: String) async {
    disk_start(directory, nil, 0)
    var nth: Int64 = 1
    while true {
        disk_fail(Int32(operations.rawValue), nth, error, lasting, nil)
        var seen: Int64 = 0
        await FaultRun(path: "\(directory)/store", place: "operation \(nth)").run(
            mayStop: true,
            repaired: {
                seen = disk_operations()
                disk_fail(0, 0, 0, false, nil)
            })
        if seen < nth { break }
        nth += 1
    }
    say("done \(nth - 1)")
}

/// Runs on a disk with no room, on one with room for a page, and so on until there is enough. Only LMDB's file and new
/// segments of the journal need it.
func fillUp(_ directory: String) async {
    disk_start(directory, nil, 0)
    var room: Int64 = 0
    while true {
        let run = FaultRun(path: "\(directory)/store", place: "room for \(room) bytes")
        let failures = disk_failures()
        disk_set_room(room)
        await run.run(mayStop: false, repaired: { disk_set_room(-1) })
        run.require(run.codes.allSatisfy { $0 == .full }, "a full disk was called \(Set(run.codes))")
        if disk_failures() == failures { break }
        room += 4096
    }
    say("done \(room / 4096)")
}

/// Runs on a disk that flushes the journal, but for as long as the run lasts not LMDB's file: no checkpoint is made.
func stopCheckpoints(_ directory: String) async {
    disk_start(directory, nil, 0)
    let run = FaultRun(path: "\(directory)/store", place: "no checkpoints")
    await run.run(
        mayStop: false, opened: { disk_fail(Int32(disk_flush.rawValue), 1, EIO, true, "data.mdb") },
        repaired: {
            run.require(run.acknowledged > 20, "only \(run.acknowledged) writes found room in the journal")
            run.require(run.codes.contains(.io) && !run.codes.contains(.readOnly), "\(run.codes)")
            disk_fail(0, 0, 0, false, nil)
        })
    say("done \(run.acknowledged)")
}

extension FaultRun {
    /// Writes and reads while the disk fails, then `repaired` makes it work again; then closes, and opens once more.
    func run(mayStop: Bool, opened: () -> Void = {}, repaired: () -> Void) async {
        var watching: Task<Void, Never>?
        let store = await open()
        if let store {
            opened()
            let (revisions, watched) = AsyncStream<Revision>.makeStream()
            watching = watch(store, watched)
            await write(store, count: 40)
            verify(store)
            await follow(revisions, through: store.head)
        }
        repaired()
        if let store {
            await goOn(store, mayStop: mayStop)
            verify(store)
            await close(store)
        }
        await watching?.value
        await reopen()
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
                    return require(false, "a watch failed: \(error)")
                }
            }
        }
    }
}
