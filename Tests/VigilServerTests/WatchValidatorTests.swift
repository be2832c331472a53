import GRPCClient
import SwiftProtobuf
import TestSupport
import Testing
import Vigil
import WireMessages

@testable import VigilServer

/// Random watches over the wire while keys change and history is compacted, against what truly happened: C1 to C10 of
/// what a watch has to withstand.
@Suite(.timeLimit(.minutes(2))) struct WatchValidatorTests {
    @Test(arguments: [UInt64.random(in: 0 ... .max)])
    func whatIsDeliveredIsWhatHappened(_ seed: UInt64) async throws {
        try await withEtcd { etcd, store in
            let truth = Task { try await Self.everything(store, through: Self.revisions) }
            let runs = try await withThrowingTaskGroup(of: WatchRun?.self) { group in
                for number in 0..<16 {
                    group.addTask {
                        var run = WatchRun(SeededGenerator(seed &+ UInt64(number)), end: Int64(Self.revisions) + 1)
                        try await run.watch(etcd, store)
                        return run
                    }
                }
                group.addTask {
                    try await Self.write(etcd, SeededGenerator(seed &- 1))
                    return nil
                }
                var runs: [WatchRun] = []
                for try await case let run? in group { runs.append(run) }
                return runs
            }
            let events = try await truth.value
            for run in runs { run.validate(events, "seed \(seed)") }
            #expect(runs.contains { $0.compactions > 0 }, "seed \(seed): no watch was overtaken by a compaction")
        }
    }

    private static let revisions: Revision = 600

    private static func everything(_ store: WatchStore, through last: Revision) async throws -> [WatchEvent] {
        var events: [WatchEvent] = []
        for try await event in try store.watch(.all, from: .earliest).events {
            events.append(event)
            if event.revision == last, event.key == "end" { break }
        }
        return events
    }

    /// Makes exactly so many revisions, the last of which changes `end`.
    private static func write(_ etcd: EtcdClient, _ generator: SeededGenerator) async throws {
        var random = generator
        var head: Int64 = 1
        var compacted: Int64 = 1
        while head < Int64(revisions) {
            let key = WatchRun.keys[random.below(WatchRun.keys.count)]
            switch random.below(6) {
            case 0: head = try await etcd.delete(key).header.revision
            case 1:
                let others = (0..<3).map { EtcdRequestOp.put("\(key)/\($0)", "t\(random.below(100))") }
                head = try await etcd.transaction { $0.success = others }.header.revision
            default:
                // Values large enough for slow readers to be left behind.
                let value = String(repeating: "v", count: random.below(4000)) + "\(random.below(100))"
                head = try await etcd.put(key, value).header.revision
            }
            if random.chance(40), head - 50 > compacted {
                compacted = head - Int64(random.below(50))
                try await etcd.compact(compacted)
            }
        }
        try await etcd.put("end", "")
    }
}

/// One client that watches, cancels and resumes at random.
private struct WatchRun {
    static let keys = ["a", "a/b", "b", "c", "c/d/e", "x"]

    private var random: SeededGenerator
    private let keys: KeyRange
    private let filters: [EtcdWatchCreateRequest.FilterType]
    private let showsPrevious: Bool
    private let end: Int64
    private var next: Int64 = 2
    /// What came, and before which revisions history was gone.
    private(set) var seen: [EtcdEvent] = []
    private var gaps: [Range<Int64>] = []
    private(set) var compactions = 0

    init(_ generator: SeededGenerator, end: Int64) {
        var generator = generator
        let key = Self.keys[generator.below(Self.keys.count)]
        keys = [.all, .key(Bytes(key)), .prefix(Bytes(key)), .range(Bytes(key), "y")][generator.below(4)]
        filters = [[], [], [.noput], [.nodelete]][generator.below(4)]
        showsPrevious = generator.chance(2)
        random = generator
        self.end = end
    }

    /// Watches until everything through the end was delivered.
    mutating func watch(_ etcd: EtcdClient, _ store: WatchStore) async throws {
        while next <= end {
            let stream = try await etcd.watch()
            var request = EtcdWatchRequest()
            request.createRequest.key = .init(keys == .all ? "\0" : keys.lowerBound)
            if case .key = keys {} else { request.createRequest.rangeEnd = .init(keys.upperBound ?? "\0") }
            request.createRequest.filters = filters
            request.createRequest.prevKv = showsPrevious
            request.createRequest.startRevision = next
            try await stream.call.send(request.serializedBytes())
            try await read(stream, store, until: random.chance(2) ? .max : random.below(200))
            try await stream.call.cancel()
            if random.chance(2) { try await wait(for: next + 150, in: store) }
        }
    }

    /// Reads so many responses, or until the end or a compaction.
    private mutating func read(_ stream: WatchClient, _ store: WatchStore, until limit: Int) async throws {
        #expect(try await stream.next().created)
        var responses = 0
        try await stream.requestProgress()
        while responses < limit, next <= end {
            let response = try await stream.next()
            responses += 1
            if response.canceled {
                #expect(response.compactRevision >= next)
                gaps.append(next..<response.compactRevision)
                next = response.compactRevision
                compactions += 1
                return
            }
            #expect(response.events.allSatisfy { $0.kv.modRevision >= next })
            seen += response.events
            if response.watchID == -1 {
                next = response.header.revision + 1
                // Some go away for a while, so that compactions overtake them.
                try await wait(for: random.chance(6) ? next + 150 : next, in: store)
                try await stream.requestProgress()
            } else if let last = response.events.last {
                next = last.kv.modRevision + 1
            }
        }
    }

    /// Returns when the store has come to `revision`, as it goes over the wire, or to the end.
    private func wait(for revision: Int64, in store: WatchStore) async throws {
        let revision = Revision(onWire: min(revision, end))
        while store.head < revision {
            // The watch of a task that is cancelled ends at once.
            try Task.checkCancellation()
            for try await _ in try store.watch(.all, from: .revision(store.head + 1)) { break }
        }
    }

    /// Compares with all that happened.
    func validate(_ truth: [WatchEvent], _ place: String) {
        let expected = truth.filter { event in
            keys.contains(event.key) && event.revision.onWire <= end
                && !gaps.contains { $0.contains(event.revision.onWire) }
                && !filters.contains(event.type == .put ? .noput : .nodelete)
        }
        #expect(seen.map { $0.kv.modRevision } == expected.map { $0.revision.onWire }, "\(place), \(keys)")
        var values: [Bytes: KeyValue] = [:]
        var history: [Revision: [Bytes: KeyValue]] = [:]
        for event in truth {
            history[event.revision, default: [:]][event.key] = values[event.key]
            values[event.key] = event.keyValue
        }
        for (event, original) in zip(seen, expected) {
            #expect(Bytes(event.kv.key) == original.key && Bytes(event.kv.value) == original.value, "\(place)")
            #expect((event.type == .put) == (original.type == .put), "\(place)")
            if event.hasPrevKv {
                #expect(event.prevKv == history[original.revision]?[original.key].map { EtcdKeyValue($0) }, "\(place)")
            }
        }
    }
}
