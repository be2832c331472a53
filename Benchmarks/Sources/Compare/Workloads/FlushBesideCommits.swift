import Dispatch
import Foundation
import Synchronization

/// What a flush takes while pages are written beside it, without any store: the measured limit of puts beside checkpoints.
struct FlushBesideCommits: Workload {
    let name = "flushes"

    /// As much as Vigil gathers before it checkpoints, and what a change counts beside its bytes.
    private static let commitBytes = 96 << 20
    private static let changeOverhead = 300
    private static let writers = 512

    func measure(_ run: Run) async throws -> [Section] {
        let section = Section(
            "flushes", "Limits: a flush while LMDB commits", axis: "bytes of a value",
            metrics: [
                Metric(id: "p50", title: "p50 of a write and flush", unit: .nanoseconds, isCharted: false),
                Metric(id: "p99", title: "p99 of a write and flush", unit: .nanoseconds),
                Metric(id: "ratio", title: "p99 by p50", unit: .ratio),
            ],
            text: """
                One thread writes the values of 512 writers together and flushes, again and again. Beside it another \
                puts the same number of values under random keys out of a million into LMDB, in commits as large as \
                checkpoints are: what a journal and checkpoints ask of the disk, and no more.
                """)
        await run.interleave(["alone", "beside commits"], rounds: run.fewRounds, name: \.self, in: section) { kind, _ in
            for bytes in [128, 1024] {
                let path = run.newDirectory()
                defer { run.discard(path) }
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
                let seconds = run.choose(quick: 2.0, full: 4.0)
                let written = Written()
                async let commits = onThread {
                    Result { if kind != "alone" { try commit(path + "/pages", bytes, written) } }
                }
                let figures = await onThread {
                    defer { written.end() }
                    return Result {
                        try FlushFloor.measure(
                            path + "/journal", writers: Self.writers, bytes: bytes, seconds: seconds,
                            flushed: written.add)
                    }
                }
                try await commits.get()
                let times = try figures.get().times
                let (p50, p99) = (times.percentile(0.5), times.percentile(0.99))
                section.record("p50", kind, bytes, p50)
                section.record("p99", kind, bytes, p99)
                if let p50, let p99 { section.record("ratio", kind, bytes, p99 / p50) }
            }
        }
        return [section]
    }

    /// Commits what was written, in portions, until the writing ends.
    private func commit(_ path: String, _ bytes: Int, _ written: Written) throws {
        let lmdb = try BareLMDB(path, valueBytes: bytes)
        let portion = Self.commitBytes / (bytes + Self.changeOverhead)
        var committed = 0
        while written.wait(for: committed + portion) {
            try lmdb.commit(puts: portion)
            committed += portion
        }
    }
}

/// How many values have been written and flushed.
private final class Written: Sendable {
    private let state = Mutex((count: 0, isOver: false))
    private let bell = DispatchSemaphore(value: 0)

    func add(_ count: Int) {
        state.withLock { $0.count += count }
        bell.signal()
    }

    func end() {
        state.withLock { $0.isOver = true }
        bell.signal()
    }

    /// Blocks until there are so many; false if there will not be.
    func wait(for count: Int) -> Bool {
        while true {
            let state = state.withLock { $0 }
            if state.isOver { return false }
            if state.count >= count { return true }
            bell.wait()
        }
    }
}
