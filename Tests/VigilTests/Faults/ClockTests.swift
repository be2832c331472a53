import TestSupport
import Testing
import Threads

@testable import Vigil

/// A clock that is set, forwards and back, by years and to the ends of what a number can say. Revisions order what
/// happened; the time of a commit is only noted beside it.
@Suite(.timeLimit(.minutes(2))) struct ClockTests {
    private static let year: Int64 = 365 * 86_400_000

    @Test func aClockThatJumpsDisordersNothing() async throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed)
        var times: [Int64] = [.min, .max, .max, 0, -1, .min]
        var now = 1_700_000_000_000 as Int64
        while times.count < 120 {
            now += Int64.random(in: -30 * Self.year...30 * Self.year, using: &random)
            times.append(now)
        }
        try await withTemporaryDirectory { path in
            let now = Lock(0 as Int64)
            var store = try await WatchStore.open(path, options: StoreOptions()) { now.withLock { $0 } }
            for (index, time) in times.enumerated() {
                now.withLock { $0 = time }
                try await store.put("k\(index % 5)", Bytes("\(index)"))
                // Some are read from the journal, some from blocks with many times.
                if index == 40 || index == 80 {
                    try await store.close()
                    store = try await WatchStore.open(path, options: StoreOptions()) { now.withLock { $0 } }
                }
            }
            try await Self.verify(store, times, seed)
            try await store.close()
            for access in [StoreOptions.Access.readOnly, .readWrite] {
                let again = try await WatchStore.open(path, options: StoreOptions(access: access))
                try await Self.verify(again, times, seed)
                try await again.close()
            }
        }
    }

    private static func verify(_ store: WatchStore, _ times: [Int64], _ seed: UInt64) async throws {
        let comment: Comment = "seed \(seed)"
        #expect(try store.check(deep: true).problems == [], comment)
        let log = try store.log(from: 1).updates
        #expect(log.map(\.revision) == Array(1...Revision(times.count)), comment)
        #expect(log.map(\.commitMilliseconds) == times, comment)
        for key in 0..<5 {
            let expected = times.indices.reversed().filter { $0 % 5 == key }
            #expect(try store.history(of: "k\(key)").map(\.value) == expected.map { Bytes("\($0)") }, comment)
        }
        for revision in [1, times.count / 2, times.count] {
            let pair = try store.get(Bytes("k\((revision - 1) % 5)"), at: Revision(revision))
            #expect(pair?.value == Bytes("\(revision - 1)"), comment)
        }
        var seen: [Int64] = []
        for try await element in try store.watch(.all, from: .earliest) {
            guard case .update(let update) = element else { continue }
            seen.append(update.commitMilliseconds)
            if seen.count == times.count { break }
        }
        #expect(seen == times, comment)
    }
}
