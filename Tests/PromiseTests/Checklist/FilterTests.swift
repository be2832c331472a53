import Testing
import Vigil

@Suite(.timeLimit(.minutes(1))) struct FilterTests {
    @Test("C1 only the keys and types asked for", arguments: [WatchTypes.all, .puts, .deletes])
    func onlyWhatWasAskedFor(_ types: WatchTypes) async throws {
        try await withStore { store in
            for (range, updates) in try await watchAll(store, options: WatchOptions(types: types)) {
                let expected = try logged(store, range).filter { types.contains($0.type) }
                #expect(updates.flatMap(\.events) == expected, "\(range)")
            }
        }
    }

    @Test("C9 the previous value is that of the revision before, or absent where that is compacted")
    func previousValues() async throws {
        try await withStore { store in
            for (_, updates) in try await watchAll(store, options: WatchOptions(previousValues: true)) {
                for event in updates.flatMap(\.events) {
                    #expect(event.previous == (try valueBefore(event, store)), "\(event.key) \(event.revision)")
                }
            }
            try await store.compact(through: store.head / 3)
            for from in [store.earliest, store.earliest + 10] {
                let watch = try store.watch(.all, from: .revision(from), options: WatchOptions(previousValues: true))
                for event in try await collect(watch, through: store.head).flatMap(\.events) {
                    #expect(event.previous == (try valueBefore(event, store)), "\(event.key) \(event.revision)")
                }
            }
        }
    }

    private func valueBefore(_ event: WatchEvent, _ store: WatchStore) throws -> KeyValue? {
        let before = event.revision - 1
        return before < max(store.earliest, 1) ? nil : try store.get(event.key, at: before)
    }

    @Test("C8 the event that creates a key says so")
    func creation() async throws {
        try await withStore { store in
            let watch = try store.watch(.key("k"))
            for value in ["1", "2"] { try await store.put("k", Bytes(value)) }
            try await store.delete("k")
            try await store.put("k", "3")
            let events = try await collect(watch, through: 4).flatMap(\.events)
            #expect(events.map(\.version) == [1, 2, 0, 1])
            #expect(events.map { $0.createRevision == $0.revision } == [true, false, false, true])
        }
    }

    @Test("C17 a watch that was cancelled delivers nothing more, and a new one on the same keys is its own")
    func cancelAndWatchAgain() async throws {
        try await withStore { store in
            for index in 1...50 {
                let watch = try store.watch(.key("k"))
                try await store.put("k", Bytes("\(index)"))
                #expect(try await collect(watch, through: Revision(index)).map(\.revision) == [Revision(index)])
                watch.cancel()
                var elements = watch.makeAsyncIterator()
                #expect(try await elements.next() == nil)
            }
        }
    }

    @Test("C11 after the writes stop a watch of everything reaches the last revision")
    func reachesTheEnd() async throws {
        try await withStore { store in
            let live = try await LiveReading(store.watch(.all))
            let unread = try store.watch(.all)
            try await writeConcurrently(store)
            #expect(updates(in: try await live.finish(through: store.head)).last?.revision == store.head)
            #expect(try await collect(unread, through: store.head).last?.revision == store.head)
        }
    }
}
