import RevisionLog
import TestSupport
import Testing
import WatchDispatch

@testable import Vigil

/// Every queue, buffer, batch, read transaction and retry has a named limit.
@Suite(.timeLimit(.minutes(1))) struct P9Bounded {
    private func update(_ revision: Revision) -> WatchUpdate {
        WatchUpdate(revision: revision, events: [WatchEvent(type: .put, key: "k", revision: revision)])
    }

    @Test(arguments: [1, 10, 1000]) func theQueueHoldsWhatItWasMadeFor(_ size: Int) {
        let registry = WatchRegistry(config: WatchConfig(eventQueueSize: size))
        for revision in 1...2000 { registry.notify(update(Revision(revision))) }
        #expect(registry.metrics.dropped == UInt64(2000 - size))
    }

    @Test(arguments: [1, 10, 100]) func theBufferOfAWatcherHoldsWhatItWasMadeFor(_ size: Int) async throws {
        try await withStore(tightOptions(queue: 1000, buffer: 1)) { store in
            let watch = try store.watch(.all, options: WatchOptions(policy: .cancel, bufferSize: size))
            watch.requestProgress()
            _ = try await watch.first { _ in true }
            _ = try await store.transactions((0..<200).map { Transaction(then: [.put("k", Bytes("\($0)"))]) })
            try await waitForTheDispatcher(of: store)
            await #expect { try await collect(watch, through: 200) } throws: {
                ($0 as? StoreError)?.resume == Revision(size) + 1
            }
            #expect(watch.statistics.live == size)
        }
    }

    @Test(arguments: [Int.min, -1, 0, WatchConfig.sizes.upperBound + 1, Int.max])
    func sizesThatCannotBeAreRefused(_ size: Int) async throws {
        func names(_ name: String) -> (any Error) -> Bool {
            {
                guard let error = $0 as? StoreError, error.code == .invalidArgument else { return false }
                return error.message.contains(name) && error.message.contains("\(size)")
            }
        }
        try await withTemporaryDirectory { path in
            for (name, options) in [
                ("eventQueueSize", tightOptions(queue: size)), ("watcherBufferSize", tightOptions(buffer: size)),
            ] {
                await #expect { _ = try await WatchStore.open(path, options: options) } throws: { names(name)($0) }
            }
        }
        try await withStore { store -> Void in
            #expect {
                try store.watch(.all, options: WatchOptions(bufferSize: size))
            } throws: {
                names("bufferSize")($0)
            }
        }
    }

    @Test func theLargestSizesCanBe() async throws {
        let size = WatchConfig.sizes.upperBound
        try await withStore(tightOptions(buffer: size)) { store in
            let watch = try store.watch(.all, from: .revision(1), options: WatchOptions(bufferSize: size))
            let revision = try await store.put("k", "v")
            let updates = try await collect(watch, through: revision)
            #expect(updates.map(\.revision) == [revision])
        }
    }

    @Test func whatWaitsForACheckpointIsBounded() async throws {
        var options = tightOptions()
        options.log.checkpointBytes = 64 << 10
        options.log.pendingBytes = 64 << 10
        options.log.checkpointInterval = .seconds(3600)
        try await withStore(options) { store in
            let value = Bytes([UInt8](repeating: 7, count: 1000))
            for index in 0..<400 {
                try await store.put(Bytes("k/\(index)"), value)
                let statistics = try store.statistics()
                #expect(statistics.pendingBytes <= 64 << 10)
                #expect(statistics.journalSegments <= options.log.segments)
            }
            // Small changes too, which take more memory than they have bytes.
            for index in 0..<1000 {
                try await store.put(Bytes("s/\(index)"), "")
                let statistics = try store.statistics()
                #expect(statistics.head - statistics.checkpoint <= (64 << 10) / 160)
            }
        }
    }

    @Test func aGroupOfCommitsIsBounded() async throws {
        try await withStore(StoreOptions()) { store in
            let count = 10_000
            _ = try await store.transactions((0..<count).map { Transaction(then: [.put("k", Bytes("\($0)"))]) })
            var groups: [Revision: Int] = [:]
            var next: Revision? = 1
            while let from = next {
                let page = try store.log(from: from)
                for update in page.updates { groups[update.batch.firstRevision] = update.batch.recordCount }
                next = page.next
            }
            #expect(groups.values.allSatisfy { $0 <= Vigil.Limits.groupRecords })
            #expect(groups.values.reduce(0, +) == count)
        }
    }

    @Test func aStepOfAReplayIsBoundedInRecords() async throws {
        try await withStore(tightOptions(queue: 1000, buffer: 10)) { store in
            _ = try await store.transactions((0..<6000).map { Transaction(then: [.put("k", Bytes("\($0)"))]) })
            let step = try store.reader.scan(nil, from: 1, through: store.head)
            #expect(step.updates.count < 6000)
            #expect(step.next == Revision(step.updates.count) + 1)
        }
    }

    @Test func aStepOfAReplayIsBoundedInBytes() async throws {
        try await withStore { store in
            let value = Bytes([UInt8](repeating: 7, count: 20_000))
            for _ in 0..<200 { try await store.put("k", value) }
            let step = try store.reader.scan(nil, from: 1, through: store.head)
            // A mebibyte, and the block with which it is full.
            #expect(step.updates.count * 20_000 <= (1 << 20) + (128 << 10))
            #expect(step.next <= store.head)
        }
    }

    @Test func aPageOfTheStateIsBounded() async throws {
        try await withStore { store in
            let count = 3 * Vigil.Limits.statePageKeys + 1
            let keys = (0..<count).map { Bytes("k/\($0)") }
            _ = try await store.transactions(keys.map { Transaction(then: [.put($0, "v")]) })
            let elements = try await collectElements(store.watch(.all, from: .snapshot), through: store.head)
            let pages = elements.compactMap { element in
                if case .state(let page) = element { page.count } else { nil }
            }
            #expect(pages.allSatisfy { $0 <= Vigil.Limits.statePageKeys })
            #expect(pages.reduce(0, +) == count)
        }
    }

    @Test func requestsHaveLimits() async throws {
        try await withStore { store in
            let many = Transaction(then: (0..<5000).map { .put(Bytes("\($0)"), "") })
            await #expect { try await store.transaction(many) } throws: { ($0 as? StoreError)?.code == .tooLarge }
            let large = Bytes([UInt8](repeating: 0, count: 33 << 10))
            await #expect { try await store.put("k", large) } throws: { ($0 as? StoreError)?.code == .tooLarge }
            #expect(store.head == 0)
        }
    }

    @Test func writesThatWaitAreBounded() async throws {
        try await withStore { store in
            let one = Transaction(then: [.put("k", "v")])
            let results = try await store.transactions(Array(repeating: one, count: Vigil.Limits.waitingWrites + 1))
            #expect(results.count == Vigil.Limits.waitingWrites + 1)
            #expect(results.allSatisfy { if case .failure(let error) = $0 { error.code == .busy } else { false } })
            #expect(store.head == 0)
        }
    }
}
