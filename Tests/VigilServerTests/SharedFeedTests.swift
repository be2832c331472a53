import GRPCClient
import TestSupport
import Testing
import WatchDispatch
import WireMessages

@testable import Vigil
@testable import VigilServer

/// Watches of one stream that want the same are read as one. Nobody may notice.
@Suite(.timeLimit(.minutes(2))) struct SharedFeedTests {
    private static let watches = 50

    @Test func eventsAreRoutedOnceForAll() async throws {
        try await withEtcd { etcd, store in
            let watch = try await shared(etcd, store)
            try await etcd.put("k", "v")
            #expect(Set(try await responses(watch, Self.watches).map(\.watchID)) == Set(0..<Int64(Self.watches)))
            try await watch.call.cancel()
            try await until { store.watchMetrics.watchers == 0 }
        }
    }

    @Test func oneCanEndAndTheOthersGoOn() async throws {
        try await withEtcd { etcd, store in
            let watch = try await shared(etcd, store)
            for ending in 0..<Int64(Self.watches) {
                try await watch.cancel(ending)
                let end = try await watch.next()
                #expect(end.canceled && end.watchID == ending && end.cancelReason.isEmpty)
                try await etcd.put("k", "\(ending)")
                let left = Self.watches - Int(ending) - 1
                #expect(try await responses(watch, left).allSatisfy { $0.watchID > ending && $0.events.count == 1 })
            }
            try await until { store.watchMetrics.watchers == 0 }
        }
    }

    @Test func progressIsOfAll() async throws {
        try await withEtcd { etcd, store in
            let watch = try await shared(etcd, store)
            for round in 0..<20 {
                let put = try await etcd.put("k", "\(round)").header.revision
                try await watch.requestProgress()
                var events = 0
                var response = try await watch.next()
                while response.watchID != -1 {
                    events += response.events.count
                    response = try await watch.next()
                }
                #expect(events == Self.watches && response.header.revision >= put)
            }
            try await sharing(store)
        }
    }

    /// A watch that leaves the others goes on from where they are, and not from the event that it saw last: what came
    /// between may be compacted.
    @Test func aQuietWatchLeavesAfterACompaction() async throws {
        try await withEtcd { etcd, store in
            let watch = try await shared(etcd, store)
            var head: Int64 = 0
            for number in 0..<100 { head = try await etcd.put("other", "\(number)").header.revision }
            try await etcd.compact(head)
            try await watch.requestProgress()
            let progress = try await watch.next()
            #expect(progress.watchID == -1 && progress.header.revision >= head && !progress.canceled)
            try await etcd.put("k", "after")
            let after = try await responses(watch, Self.watches)
            #expect(after.allSatisfy { !$0.canceled && $0.events.map(\.kv.text) == ["k=after"] })
        }
    }

    /// Fragments, previous values and the beginnings are everybody's own.
    @Test func eachHasItsOwnWay() async throws {
        try await withEtcd { etcd, store in
            let first = try await etcd.put("k", "0").header.revision
            let watch = try await etcd.watch()
            for id in 1...20 {
                try await watch.create("k", from: id % 2 == 0 ? first : 0) { request in
                    request.watchID = Int64(id)
                    request.prevKv = id % 4 < 2
                    request.fragment = id % 3 == 0
                }
            }
            var seen: [Int64: [EtcdEvent]] = [:]
            var (created, count) = (0, 0)
            func take() async throws {
                let response = try await watch.next()
                if response.created { created += 1 }
                seen[response.watchID, default: []] += response.events
                count += response.events.count
            }
            while created < 20 { try await take() }
            for number in 1...10 { try await etcd.put("k", "\(number)") }
            while count < 10 * 20 + 10 { try await take() }
            for id in 1...20 {
                let events = try #require(seen[Int64(id)])
                #expect(events.map(\.kv.text) == (id % 2 == 0 ? 0...10 : 1...10).map { "k=\($0)" })
                #expect(events.dropFirst().allSatisfy { $0.hasPrevKv == (id % 4 < 2) })
            }
        }
    }

    /// Watches come and go at random on one stream while keys change and history is compacted: each sees what happened
    /// to its keys, once and in order, from its beginning to its end.
    @Test(arguments: (0..<3).map { _ in UInt64.random(in: 0 ... .max) })
    func watchesComeAndGo(_ seed: UInt64) async throws {
        try await withEtcd { etcd, store in
            let truth = Task {
                var events: [(key: Bytes, revision: Int64)] = []
                for try await event in try store.watch(.all, from: .earliest).events {
                    events.append((event.key, event.revision.onWire))
                    if event.key == "end" { break }
                }
                return events
            }
            let writing = Task {
                var random = SeededGenerator(seed)
                for number in 0..<1500 {
                    try await store.put(["a", "a", "a", "ab", "b"][random.below(5)], Bytes("\(number)"))
                    if random.chance(50) { try await store.compact(through: store.head) }
                }
                try await store.put("end", "")
            }
            var stream = RandomStream(try await etcd.watch(), seed: seed &+ 1)
            try await stream.run(until: { store.isOver })
            try await writing.value
            stream.validate(try await truth.value, "seed \(seed)")
        }
    }

    // MARK: Support

    /// So many watches of `k`, which were found to be shared.
    private func shared(_ etcd: EtcdClient, _ store: WatchStore) async throws -> WatchClient {
        let watch = try await etcd.watch()
        for _ in 0..<Self.watches { try await watch.create("k") }
        for _ in 0..<Self.watches { #expect(try await watch.next().created) }
        // What they have seen they share.
        try await etcd.put("k", "first")
        _ = try await responses(watch, Self.watches)
        try await sharing(store)
        return watch
    }

    private func sharing(_ store: WatchStore) async throws {
        try await until { store.watchMetrics.watchers == 1 }
    }

    private func responses(_ watch: WatchClient, _ count: Int) async throws -> [EtcdWatchResponse] {
        var responses: [EtcdWatchResponse] = []
        for _ in 0..<count { responses.append(try await watch.next()) }
        return responses
    }
}

extension WatchStore {
    /// Whether the writer of the test has made its last change.
    fileprivate var isOver: Bool { (try? get("end")) != nil }
}

/// A client that begins and ends watches of three kinds at random, and asks for progress.
private struct RandomStream {
    private struct Run {
        var keys: KeyRange
        /// Asked for; 0 for now, and then the revision when it was.
        var start: Int64
        var isFromNow: Bool
        var seen: [Int64] = []
        var isEnding = false
    }

    private static let kinds: [KeyRange] = [.key("a"), .prefix("a"), .all]

    private let stream: WatchClient
    private var random: SeededGenerator
    private var running: [Int64: Run] = [:]
    private var ended: [Run] = []
    /// Those that a compaction ended while they were being cancelled.
    private var compacted: Set<Int64> = []
    private var created = 0
    /// Watches that the server has said it began.
    private var known: Set<Int64> = []
    /// Where progress was told, and what each had seen by then.
    private var progress: [(revision: Int64, runs: [Run])] = []
    private var head: Int64 = 1

    init(_ stream: WatchClient, seed: UInt64) {
        self.stream = stream
        random = SeededGenerator(seed)
    }

    mutating func run(until isOver: () -> Bool) async throws {
        while !isOver() {
            if running.count < 40 { try await begin() }
            if random.chance(3), let id = running.keys.sorted().randomElement(using: &random), !running[id]!.isEnding {
                running[id]!.isEnding = true
                try await stream.cancel(id)
            }
            if random.chance(10) { try await awaitProgress() }
        }
        // Then everything is there.
        try await begin()
        try await awaitProgress()
    }

    /// It is of those that run when it is asked for.
    private mutating func awaitProgress() async throws {
        let asked = running.filter { !$0.value.isEnding }.keys
        let count = progress.count
        try await stream.requestProgress()
        while progress.count == count, !running.isEmpty { try await read() }
        guard progress.count > count else { return }
        progress[count].runs = asked.compactMap { running[$0] }
    }

    private mutating func begin() async throws {
        created += 1
        let (id, isFromNow) = (Int64(created), random.chance(2))
        let keys = Self.kinds[random.below(3)]
        let start = isFromNow ? 0 : max(2, head - Int64(random.below(60)))
        try await stream.create(
            keys == .all ? "\0" : "a", keys == .all ? "\0" : keys == .key("a") ? "" : "b", from: start
        ) {
            $0.watchID = id
        }
        running[id] = Run(keys: keys, start: start, isFromNow: isFromNow)
        // The answer comes among others.
        while running[id]?.start == 0 || running[id] != nil && !known.contains(id) { try await read() }
    }

    private mutating func read() async throws {
        let response = try await stream.next()
        head = max(head, response.header.revision)
        let id = response.watchID
        if id == -1 {
            progress.append((response.header.revision, []))
        } else if response.created {
            known.insert(id)
            if running[id]!.isFromNow { running[id]!.start = response.header.revision + 1 }
        } else if response.canceled {
            guard let run = running.removeValue(forKey: id) else {
                // It was cancelled when a compaction had ended it already.
                let isTwice = compacted.remove(id) != nil
                return #expect(isTwice, "a watch has ended twice")
            }
            if response.compactRevision > 0, run.isEnding { compacted.insert(id) }
            ended.append(run)
        } else {
            #expect(running[id] != nil, "an event of a watch that has ended")
            running[id]?.seen += response.events.map(\.kv.modRevision)
        }
    }

    func validate(_ truth: [(key: Bytes, revision: Int64)], _ place: String) {
        #expect(ended.count > 20, "\(place): too few watches came and went")
        for run in ended { check(run, truth, through: nil, place) }
        for run in running.values { check(run, truth, through: head, place) }
        for (revision, runs) in progress { for run in runs { check(run, truth, through: revision, place) } }
    }

    /// What it saw is what happened from its start on, at least through `revision`.
    private func check(_ run: Run, _ truth: [(key: Bytes, revision: Int64)], through revision: Int64?, _ place: String)
    {
        let wanted = truth.filter { run.keys.contains($0.key) }.map(\.revision)
        // From now on means from a moment before the answer was made.
        let first = run.isFromNow ? min(run.start, run.seen.first ?? run.start) : run.start
        let expected = wanted.filter { $0 >= first }
        #expect(run.seen == Array(expected.prefix(run.seen.count)), "\(place), \(run.keys) from \(run.start)")
        guard let revision else { return }
        let missing = expected.dropFirst(run.seen.count).first
        #expect(
            missing.map { $0 > revision } ?? true, "\(place), \(run.keys) from \(run.start): not through \(revision)")
    }
}
