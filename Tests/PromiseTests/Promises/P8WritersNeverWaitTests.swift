import Testing

@testable import Vigil

/// A stuck watcher costs the write path nothing.
@Suite(.timeLimit(.minutes(1))) struct P8WritersNeverWait {
    private static let stuckCount = 100
    private static let bufferSize = 4

    /// Each reads until it is registered, and then never again.
    private func stuckWatches(_ store: WatchStore) async throws -> [Watch] {
        var watches: [Watch] = []
        for index in 0..<Self.stuckCount {
            let policy = [WatchPolicy.replay, .latest, .drop, .cancel][index % 4]
            let watch = try store.watch(.all, options: WatchOptions(policy: policy))
            watch.requestProgress()
            _ = try await watch.first { _ in true }
            watches.append(watch)
        }
        return watches
    }

    @Test func watchersThatNeverReadStopNobody() async throws {
        try await withStore(tightOptions(queue: 10, buffer: Self.bufferSize)) { store in
            let stuck = try await stuckWatches(store)
            let healthy = try await LiveReading(store.watch(.all))
            #expect(store.registry.metrics.watchers == UInt64(Self.stuckCount) + 1)

            var written = 0
            for _ in 0..<100 { written += try await store.transactionsThatSucceed(100) }
            #expect(written == 10_000)
            #expect(updates(in: try await healthy.finish(through: 10_000)).count == 10_000)

            // Those with a log or an error to fall back on are no longer routed to; the others count what they lose.
            try await waitForTheDispatcher(of: store)
            #expect(store.registry.metrics.watchers <= UInt64(Self.stuckCount / 4) + 2)

            // What each holds is its buffer and no more: the rest comes from the log, or is a gap, or an error.
            for (index, watch) in stuck.enumerated() {
                do {
                    for element in try await collectElements(watch, through: store.head) {
                        if case .gap(let from, let through) = element {
                            #expect(from == Self.bufferSize + 1 && through == store.head)
                        }
                    }
                    #expect(index % 4 != 3)
                } catch let error as StoreError where error.code == .watcherTooSlow {
                    #expect(index % 4 == 3)
                    #expect(error.resume == Revision(Self.bufferSize) + 1)
                }
                #expect(watch.statistics.live == Self.bufferSize)
            }
        }
    }
}

extension WatchStore {
    /// Puts so often, each time in a transaction of its own, and says how often it was done.
    fileprivate func transactionsThatSucceed(_ count: Int) async throws -> Int {
        let results = try await transactions((0..<count).map { Transaction(then: [.put("k", Bytes("\($0)"))]) })
        return results.count { (try? $0.get()) != nil }
    }
}
