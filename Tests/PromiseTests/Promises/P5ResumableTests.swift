import TestSupport
import Testing
import Vigil

/// From any retained revision, after a disconnect or a restart.
@Suite(.timeLimit(.minutes(1))) struct P5Resumable {
    @Test("C7 the first event after a resume is the first match")
    func fromEveryRevision() async throws {
        try await withStore { store in
            try await writeConcurrently(store, writers: 3, each: 40)
            for range in ranges {
                let all = try logged(store, range)
                for revision in stride(from: Revision(1), through: store.head, by: 7) {
                    let updates = try await collect(store.watch(range, from: .revision(revision)), through: store.head)
                    #expect(
                        updates.flatMap(\.events) == all.filter { $0.revision >= revision }, "\(range) \(revision)")
                }
            }
        }
    }

    @Test func theResumeRevisionLosesAndDoublesNothing() async throws {
        try await withStore { store in
            try await writeConcurrently(store, writers: 3, each: 60)
            var seen: [WatchEvent] = []
            var next: Revision = 1
            var reads = 0
            while next <= store.head {
                try Task.checkCancellation()
                let watch = try store.watch(.all, from: .revision(next))
                reads = reads % 13 + 1
                var left = reads
                for try await element in watch {
                    if case .update(let update) = element {
                        seen += update.events
                        left -= 1
                    }
                    if left == 0 || watch.resumeRevision > store.head { break }
                }
                next = watch.resumeRevision
            }
            #expect(seen == (try logged(store)))
        }
    }

    @Test func overAReopening() async throws {
        try await withTemporaryDirectory { path in
            var store = try await WatchStore.open(path, options: tightOptions())
            try await writeConcurrently(store, writers: 3, each: 40)
            let first = try await collect(store.watch(.all, from: .earliest), through: store.head / 2)
            let next = (first.last?.revision ?? 0) + 1
            try await store.close()
            store = try await WatchStore.open(path, options: tightOptions())
            let rest = try await collect(store.watch(.all, from: .revision(next)), through: store.head)
            #expect((first + rest).flatMap(\.events) == (try logged(store)))
            try await store.close()
        }
    }

    @Test("C15 a start in the future waits, also over a restart, and sees nothing earlier")
    func aFutureStartWaits() async throws {
        try await withTemporaryDirectory { path in
            var store = try await WatchStore.open(path, options: tightOptions())
            for _ in 1...3 { try await store.put("k", "early") }
            try await store.close()
            store = try await WatchStore.open(path, options: tightOptions())
            let watch = try store.watch(.all, from: .revision(6))
            watch.requestProgress()
            for index in 4...8 { try await store.put("k", "\(index)") }
            let updates = try await collect(watch, through: 8)
            #expect(updates.map(\.revision) == [6, 7, 8])
            try await store.close()
        }
    }

    @Test func aSnapshotIsTheStateAndThenTheChanges() async throws {
        try await withStore { store in
            try await writeConcurrently(store, writers: 3, each: 60)
            let watch = try store.watch(.prefix("a/"), from: .snapshot)
            try await writeConcurrently(store, writers: 2, each: 60)
            var state: [Bytes: Bytes] = [:]
            var synced: Revision?
            watch.requestProgress()
            reading: for try await element in watch {
                switch element {
                case .state(let page):
                    #expect(synced == nil)
                    for keyValue in page { state[keyValue.key] = keyValue.value }
                case .synced(let revision):
                    synced = revision
                    let expected = try store.range(.prefix("a/"), RangeOptions(at: revision)).keyValues
                    #expect(state == Dictionary(uniqueKeysWithValues: expected.map { ($0.key, $0.value) }))
                case .update(let update):
                    #expect(update.revision > synced ?? .max)
                    for event in update { state[event.key] = event.type == .put ? event.value : nil }
                case .progress(let revision):
                    if revision >= store.head { break reading }
                    watch.requestProgress()
                case .gap: Issue.record("a gap in a watch that replays")
                }
            }
            let final = try store.range(.prefix("a/")).keyValues
            #expect(state == Dictionary(uniqueKeysWithValues: final.map { ($0.key, $0.value) }))
        }
    }
}
