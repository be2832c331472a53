import Testing
import Vigil

/// What becomes of a watcher that is read too slowly.
@Suite struct PolicyTests {
    @Test func latestDeliversTheNewestOfEachKeyInOrder() async throws {
        try await withStore { store in
            let watch = try store.watch(.all, options: WatchOptions(policy: .latest))
            try await writeConcurrently(store)
            var newest: [Bytes: WatchEvent] = [:]
            let updates = try await collect(watch, through: store.head)
            for event in updates.flatMap(\.events) { newest[event.key] = event }
            #expect(updates.map(\.revision) == updates.map(\.revision).sorted())
            #expect(updates.count < store.head)
            for event in try logged(store)
            where event.revision == (try store.history(of: event.key, limit: 1)).first?.revision {
                #expect(newest[event.key] == event)
            }
        }
    }

    @Test func dropTellsEveryLoss() async throws {
        try await withStore { store in
            let watch = try store.watch(.all, options: WatchOptions(policy: .drop))
            try await register(watch, store)
            try await writeConcurrently(store)
            var accounted: Revision = 1
            var gaps = 0
            watch.requestProgress()
            reading: for try await element in watch {
                switch element {
                case .update(let update):
                    #expect(update.revision == accounted + 1)
                    accounted = update.revision
                case .gap(let from, let through):
                    #expect(from == accounted + 1 && through >= from)
                    accounted = through
                    gaps += 1
                case .progress(let revision):
                    #expect(revision <= accounted)
                    if accounted >= store.head { break reading }
                    watch.requestProgress()
                default: break
                }
                if accounted >= store.head { break }
            }
            #expect(accounted == store.head)
            #expect(gaps > 0)
        }
    }

    @Test func cancelSaysExactlyWhereToResume() async throws {
        try await withStore { store in
            let watch = try store.watch(.all, options: WatchOptions(policy: .cancel))
            try await register(watch, store)
            try await writeConcurrently(store, writers: 2, each: 60)
            var elements = watch.makeAsyncIterator()
            var last: Revision = 1
            do {
                while let element = try await elements.next() {
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

    /// A watch is registered by its first read, which the first write ends.
    private func register(_ watch: Watch, _ store: WatchStore) async throws {
        async let first = watch.first { _ in true }
        try await store.put("k", "1")
        _ = try await first
    }
}
