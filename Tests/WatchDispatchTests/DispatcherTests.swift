import Changes
import Testing
import Threads

@testable import WatchDispatch

@Suite struct DispatcherTests {
    @Test func deliversToThoseWhoAsked() async throws {
        let registry = WatchRegistry()
        try await withDispatcher(registry) {
            let jobs = registry.register(.prefix("jobs/"))
            let one = registry.register(.key("jobs/1"), types: .deletes)
            registry.notify(update(1, "jobs/1"))
            registry.notify(update(2, "other"))
            registry.notify(
                WatchUpdate(revision: 3, events: [WatchEvent(type: .delete, key: "jobs/1", revision: 3)]))
            let seen = (try await revisions(jobs, 2), try await revisions(one, 1))
            #expect(seen == ([1, 3], [3]))
        }
    }

    /// Of what was announced nothing stays that nobody holds: wanted by one, by nobody, or dealt with before.
    @Test func whatWasDispatchedIsReleased() async throws {
        let registry = WatchRegistry()
        weak var wanted: ChangeBatch?
        weak var other: ChangeBatch?
        weak var repeated: ChangeBatch?
        try await withDispatcher(registry, source: EveryRevision()) {
            let handle = registry.register(.key("k"))
            do {
                let updates = [update(1, "k"), update(2, "other"), update(2, "k"), update(3, "k")]
                (wanted, other, repeated) = (updates[0].batch, updates[1].batch, updates[2].batch)
                for update in updates { registry.notify(update) }
            }
            let seen = try await revisions(handle, 2)
            #expect(seen == [1, 3])
        }
        #expect(wanted == nil && other == nil && repeated == nil)
    }

    @Test func anUpdateAfterRegisteringIsDelivered() async throws {
        let registry = WatchRegistry(config: WatchConfig(eventQueueSize: 100_000))
        try await withDispatcher(registry) {
            for round in 1...2000 {
                let handle = registry.register(.key("k"), overflow: .drop)
                registry.notify(update(Revision(round)))
                var reader = handle.makeAsyncIterator()
                guard case .update(let update)? = try await reader.next() else {
                    Issue.record("round \(round): no update")
                    return
                }
                #expect(update.revision == Revision(round))
            }
        }
    }

    @Test func aFullBufferBecomesAGapInItsPlace() async throws {
        let registry = WatchRegistry(config: WatchConfig(eventQueueSize: 100))
        let handle = registry.register(.all, bufferSize: 2)
        for revision in 1...5 { registry.notify(update(Revision(revision))) }
        // The dispatcher starts late: all five meet a buffer of two.
        try await withDispatcher(registry) {
            await shutDown(registry, after: 5)
            var seen: [String] = []
            for try await element in handle { seen.append(describe(element)) }
            #expect(seen == ["update 1", "update 2", "gap 3 5"])
        }
        #expect(registry.metrics.overflows == 3)
    }

    @Test func aFullQueueBecomesAGapForEveryWatcher() async throws {
        let registry = WatchRegistry(config: WatchConfig(eventQueueSize: 1))
        let handles = [registry.register(.all), registry.register(.key("other"))]
        for revision in 1...3 { registry.notify(update(Revision(revision))) }
        try await withDispatcher(registry) {
            await shutDown(registry, after: 3)
            var seen: [[String]] = []
            for handle in handles {
                var own: [String] = []
                for try await element in handle { own.append(describe(element)) }
                seen.append(own)
            }
            #expect(seen == [["update 1", "gap 2 3"], ["gap 2 3"]])
        }
        #expect(registry.metrics.dropped == 2)
    }

    @Test func aCancelledOverflowSaysWhereToResume() async throws {
        let registry = WatchRegistry(config: WatchConfig(eventQueueSize: 100))
        let handle = registry.register(.all, overflow: .cancel, bufferSize: 1)
        for revision in 1...3 { registry.notify(update(Revision(revision))) }
        try await withDispatcher(registry) {
            await shutDown(registry, after: 3)
            var reader = handle.makeAsyncIterator()
            let first = try await reader.next()
            #expect(describe(first) == "update 1")
            await #expect(throws: WatchOverflowError(resume: 2)) { try await reader.next() }
        }
    }

    /// Commits are visible before they are announced, so progress may be asked for through one that is still to come.
    @Test func progressWaitsForWhatIsStillToBeAnnounced() async throws {
        let registry = WatchRegistry()
        let handle = registry.register(.key("k"))
        handle.requestProgress(through: 3)
        registry.notify(update(1))
        await withDispatcher(registry) {
            var seen: [String] = []
            for _ in 1...2 { seen.append(WatchDispatchTests.describe(await handle.nextSignal())) }
            registry.notify(update(2, "other"))
            registry.notify(update(3, "other"))
            seen.append(WatchDispatchTests.describe(await handle.nextSignal()))
            #expect(seen == ["joined 0", "update 1", "progress 3"])
        }
    }

    /// Queue and buffer of one, and readers who take what they missed from the log: nothing lost, nothing twice.
    @Test(arguments: [1, 2, 10], [1, 3])
    func parkedWatchersRejoin(_ queueSize: Int, _ bufferSize: Int) async throws {
        let log = MemoryLog()
        let registry = WatchRegistry(
            config: WatchConfig(eventQueueSize: queueSize, watcherBufferSize: bufferSize))
        let total: Revision = 3000
        try await withDispatcher(registry, source: log) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    let handle = registry.register(.all, overflow: .park)
                    group.addTask { #expect(await log.follow(handle, through: total) == Array(1...total)) }
                }
                group.addTask {
                    for revision in 1...total {
                        let update = update(revision)
                        log.append(update)
                        registry.notify(update)
                        if revision % 100 == 0 { await Task.yield() }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func watchersComeAndGo() async throws {
        let registry = WatchRegistry()
        try await withDispatcher(registry) {
            await withTaskGroup(of: Void.self) { group in
                for worker in 0..<4 {
                    group.addTask {
                        for index in 0..<1000 {
                            let handle = registry.register(index % 2 == 0 ? .key("k") : .prefix("k"))
                            registry.notify(update(Revision(worker * 1000 + index + 1)))
                            handle.cancel()
                        }
                    }
                }
            }
            let last = registry.register(.all)
            registry.notify(update(9999))
            _ = try await revisions(last, 1)
            #expect(registry.metrics.watchers == 1)
        }
    }

    @Test func aDroppedHandleIsUnregistered() async throws {
        let registry = WatchRegistry()
        try await withDispatcher(registry) {
            for _ in 0..<100 { _ = registry.register(.key("k")) }
            let last = registry.register(.key("k"))
            registry.notify(update(1))
            _ = try await revisions(last, 1)
            #expect(registry.metrics.watchers == 1)
        }
    }

    @Test func cancellingTheReadingTaskEndsTheSequence() async throws {
        let registry = WatchRegistry()
        try await withDispatcher(registry) {
            let handle = registry.register(.all)
            let reading = Task {
                var count = 0
                for try await _ in handle { count += 1 }
                return count
            }
            reading.cancel()
            let count = try await reading.value
            #expect(count == 0)
        }
    }

    @Test func withoutALivePathEverythingEndsAtOnce() async throws {
        let registry = WatchRegistry(config: WatchConfig(enabled: false))
        let handle = registry.register(.all)
        registry.notify(update(1))
        var reader = handle.makeAsyncIterator()
        #expect(try await reader.next() == nil)
    }

    @Test func registeringAfterTheEndGivesAHandleThatEnds() async throws {
        let registry = WatchRegistry()
        await withDispatcher(registry) {}
        var reader = registry.register(.all).makeAsyncIterator()
        #expect(try await reader.next() == nil)
    }

    /// Ends the dispatching when everything through `last` was dealt with.
    private func shutDown(_ registry: WatchRegistry, after last: Revision) async {
        let handle = registry.register(.key("none"))
        handle.requestProgress(through: last)
        while true {
            switch await handle.nextSignal() {
            case .progress, .ended: return registry.shutdown()
            default: continue
            }
        }
    }

    private func describe(_ element: WatcherHandle.Element?) -> String {
        switch element {
        case .update(let update): "update \(update.revision)"
        case .gap(let from, let through): "gap \(from) \(through)"
        case .parked(let from): "parked \(from)"
        case nil: "end"
        }
    }
}

/// A log in memory, and a reader that uses it as the reader of a store would.
private final class MemoryLog: UpdateSource {
    private let updates = Lock<[WatchUpdate]>([])

    func append(_ update: WatchUpdate) {
        updates.withLock { $0.append(update) }
    }

    func updates(from: Revision, through: Revision, limit: Int) throws -> (updates: [WatchUpdate], next: Revision) {
        let found = updates.withLock { Array($0[Int(from - 1)..<min(Int(through), $0.count)].prefix(limit)) }
        return (found, from + Revision(found.count))
    }

    /// Every revision that a reader of `handle` sees, through `last`.
    func follow(_ handle: WatcherHandle, through last: Revision) async -> [Revision] {
        var seen: [Revision] = []
        while (seen.last ?? 0) < last {
            switch await handle.nextSignal() {
            case .joined(let through):
                let next = (seen.last ?? 0) + 1
                if next <= through { seen += Array(next...through) }
            case .update(let update): seen.append(update.revision)
            case .parked(let from):
                if from != (seen.last ?? 0) + 1 { return seen + [-from] }
                handle.rejoin()
            case .gap, .progress, .overflowed, .ended: return seen
            }
        }
        return seen
    }
}
