import Testing
import Vigil

/// What becomes of a watcher that is read too slowly.
@Suite(.timeLimit(.minutes(1))) struct PolicyTests {
    @Test func latestDeliversTheNewestOfEachKeyInOrder() async throws {
        try await withStore { store in
            let reading = try await LiveReading(store.watch(.all, options: WatchOptions(policy: .latest)))
            let unread = try store.watch(.all, options: WatchOptions(policy: .latest))
            try await writeConcurrently(store)
            let delivered = updates(in: try await reading.finish(through: store.head))
            let conflated = try await collect(unread, through: store.head)
            #expect(conflated.count < store.head)
            for updates in [delivered, conflated] {
                var newest: [Bytes: WatchEvent] = [:]
                for event in updates.flatMap(\.events) { newest[event.key] = event }
                let revisions = updates.map(\.revision)
                #expect(zip(revisions, revisions.dropFirst()).allSatisfy { $0 < $1 })
                for event in try logged(store)
                where event.revision == (try store.history(of: event.key, limit: 1)).first?.revision {
                    #expect(newest[event.key] == event)
                }
            }
        }
    }

    /// Every revision is either delivered or named by a gap, in order, and progress never runs ahead of either.
    private func expectAccounted(_ elements: [WatchElement], after start: Revision, through last: Revision) -> Int {
        var accounted = start
        var gaps = 0
        for element in elements {
            switch element {
            case .update(let update):
                #expect(update.revision == accounted + 1)
                accounted = update.revision
            case .gap(let from, let through):
                #expect(from == accounted + 1 && through >= from)
                accounted = through
                gaps += 1
            case .progress(let revision): #expect(revision == accounted)
            case .state, .synced: Issue.record("\(element)")
            }
        }
        #expect(accounted == last)
        return gaps
    }

    @Test(arguments: [1, 3, 1000]) func dropTellsEveryLossWhileItIsRead(_ queue: Int) async throws {
        try await withStore(tightOptions(queue: queue)) { store in
            let reading = try await LiveReading(store.watch(.all, options: WatchOptions(policy: .drop)))
            try await writeConcurrently(store)
            _ = expectAccounted(try await reading.finish(through: store.head), after: 0, through: store.head)
        }
    }

    @Test func dropTellsWhatWasLostWhileNobodyRead() async throws {
        try await withStore { store in
            let watch = try store.watch(.all, options: WatchOptions(policy: .drop))
            try await register(watch)
            try await writeConcurrently(store)
            let elements = try await collectElements(watch, through: store.head)
            #expect(expectAccounted(elements, after: 0, through: store.head) > 0)
        }
    }

    @Test func cancelSaysExactlyWhereToResume() async throws {
        try await withStore { store in
            let watch = try store.watch(.all, options: WatchOptions(policy: .cancel))
            try await register(watch)
            try await writeConcurrently(store, writers: 2, each: 60)
            var last: Revision = 0
            do {
                for try await element in watch {
                    if case .update(let update) = element { last = update.revision }
                }
                Issue.record("the watch ended without an error")
            } catch let error as StoreError {
                #expect(error.code == .watcherTooSlow)
                #expect(error.resume == last + 1)
                let rest = try await collect(store.watch(.all, from: .revision(error.resume!)), through: store.head)
                #expect(rest.map(\.revision) == Array(last + 1...store.head))
            }
        }
    }

    /// A watch is registered by its first read, which its first progress ends.
    private func register(_ watch: Watch) async throws {
        watch.requestProgress()
        _ = try await watch.first { _ in true }
    }
}
