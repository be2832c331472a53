import ChildProcess
import Foundation
import TestSupport
import Testing
import Vigil

/// Ten thousand watches over a restart, after the writer closed its store and after it was killed.
@Suite(.timeLimit(.minutes(3))) struct RestartTests {
    private static let watches = 10_000
    private static let groups = 100

    @Test(arguments: [false, true])
    func eachOfTenThousandWatchesSeesEachEventOnce(afterKill: Bool) async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/store"
            // The watches saw the beginning, and the head was theirs.
            let first = try await Self.write(path, afterKill: afterKill)
            let store = try await WatchStore.open(path)
            #expect(store.head == first)
            let before = try await Self.resume(store, from: 1, through: first)
            // They go on where each stopped: after a restart, with events from before it and from after it.
            try await Self.put(store, 50)
            try await store.close()
            let last = try await Self.write(path, afterKill: afterKill)
            #expect(last > first + 50)
            let again = try await WatchStore.open(path)
            try await Self.put(again, 50)
            let after = try await Self.resume(again, from: first + 1, through: again.head)
            // What each saw on both sides is the log, once.
            let log = try again.log(from: 1, limit: .max).updates.flatMap(\.events)
            for group in 0..<Self.groups {
                let expected = log.filter { $0.key.string!.hasPrefix(Self.prefix(group)) }.map(\.revision)
                #expect(!expected.isEmpty)
                for index in stride(from: group, to: Self.watches, by: Self.groups)
                where before[index] + after[index] != expected {
                    Issue.record("watch \(index): \(before[index]) and \(after[index]) instead of \(expected)")
                }
            }
            try await again.close()
        }
    }

    private static func prefix(_ group: Int) -> String { "g\(group)/" }

    private static func put(_ store: WatchStore, _ count: Int) async throws {
        for index in 0..<count { try await store.put(Bytes("\(prefix(index % groups))k"), Bytes("\(index)")) }
    }

    /// Writes to each group, in this process or in one that is killed; returns the head.
    private static func write(_ path: String, afterKill: Bool) async throws -> Revision {
        guard afterKill else {
            let store = try await WatchStore.open(path)
            try await put(store, 3 * groups)
            defer { withExtendedLifetime(store) {} }
            let head = store.head
            try await store.close()
            return head
        }
        let writer = try ChildProcess(built: "CrashWriter", ["groups", path, "\(groups)"])
        var count = 0
        for await _ in writer.lines {
            count += 1
            if count == 3 * groups { writer.kill() }
        }
        #expect(await writer.status() == -SIGKILL)
        let store = try await WatchStore.open(path)
        #expect(store.head >= Revision(count))
        let head = store.head
        try await store.close()
        return head
    }

    /// The revisions that each watch sees, all of them at once.
    private static func resume(
        _ store: WatchStore, from first: Revision, through last: Revision
    ) async throws -> [[Revision]] {
        try await withThrowingTaskGroup(of: (Int, [Revision]).self) { group in
            for index in 0..<watches {
                let watch = try store.watch(
                    .prefix(Bytes(prefix(index % groups))), from: .revision(first), options: WatchOptions())
                group.addTask {
                    var seen: [Revision] = []
                    watch.requestProgress()
                    for try await element in watch {
                        switch element {
                        case .update(let update): seen.append(update.revision)
                        case .progress(let revision) where revision >= last: return (index, seen)
                        default: break
                        }
                    }
                    return (index, seen)
                }
            }
            return try await group.reduce(into: Array(repeating: [], count: watches)) { $0[$1.0] = $1.1 }
        }
    }
}
