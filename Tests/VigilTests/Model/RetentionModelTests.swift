import TestSupport
import Testing
import Vigil

/// Random writes and reads of a store that forgets history by itself, against ``ModelStore``: what is read is right, or was
/// forgotten and said to be.
@Suite(.timeLimit(.minutes(10))) struct RetentionModelTests {
    @Test(arguments: ModelTests.seeds)
    func whatIsForgottenIsToldAndTheRestIsRight(_ seed: UInt64) async throws {
        try await withTemporaryDirectory { path in
            var run = try await RetentionRun(path: path, seed: seed)
            for _ in 0..<250 { try await run.step() }
            try await run.finish()
        }
    }
}

private struct RetentionRun {
    let path: String
    let seed: UInt64
    let options: StoreOptions
    var store: WatchStore
    var model = ModelStore()
    var input: RandomInput
    /// The oldest revision that could be read at some moment; it never moves back.
    var earliest: Revision = 1

    init(path: String, seed: UInt64) async throws {
        self.path = path
        self.seed = seed
        var input = RandomInput(seed: seed)
        var options = smallOptions()
        options.log.checkpointInterval = .milliseconds(1 + input.random.below(10))
        options.log.retention =
            switch input.random.below(4) {
            case 0: Retention(revisions: 1 + input.random.below(60))
            case 1: Retention(bytes: 1 + input.random.below(4000))
            case 2: Retention(age: .milliseconds(1 + input.random.below(30)))
            default: Retention(revisions: 40, age: .milliseconds(20), bytes: 3000)
            }
        self.options = options
        self.input = input
        store = try await WatchStore.open(path, options: options)
    }

    private var place: Comment { "seed \(seed), head \(model.head), \(options.log.retention)" }

    mutating func step() async throws {
        switch input.random.below(12) {
        case 0...4: try await write()
        case 5, 6: try await writeMany()
        case 7: try read()
        case 8: try log()
        case 9: try await watch()
        case 10: try await compact()
        default: if input.random.chance(8) { try await reopen() }
        }
        #expect(store.earliest >= earliest && store.earliest <= max(1, store.head), place)
        earliest = store.earliest
    }

    mutating func finish() async throws {
        if let revisions = options.log.retention.revisions {
            // By hand it is applied to the bound.
            let kept = try await store.compact(keeping: Retention(revisions: revisions))
            #expect(kept >= max(1, model.head - Revision(revisions) + 1), place)
        }
        try await reopen()
        let report = try store.check(deep: true)
        #expect(report.problems == [], place)
        #expect(try store.range(.all).keyValues == model.range(.all, at: model.head), place)
        try await store.close()
    }

    private mutating func write() async throws {
        let key = input.key()
        if input.random.chance(4) {
            if model.current[key] != nil { model.apply([(key, nil)]) }
            try await store.delete(key)
        } else {
            let value = input.value(upTo: 6000)
            model.apply([(key, value)])
            #expect(try await store.put(key, value) == model.head, place)
        }
    }

    private mutating func writeMany() async throws {
        let changes = (0..<input.random.below(20)).map { _ in (input.key(), input.value()) }
        _ = try await store.transactions(changes.map { Transaction(then: [.put($0.0, $0.1)]) })
        for (key, value) in changes { model.apply([(key, value)]) }
    }

    private mutating func revision() -> Revision {
        earliest + Revision(input.random.below(Int(max(0, model.head - earliest)) + 1))
    }

    private mutating func read() throws {
        guard model.head > 0 else { return }
        let (keys, revision) = (input.range(), revision())
        #expect(try store.range(keys).keyValues == model.range(keys, at: model.head), place)
        do {
            let found = try store.range(keys, RangeOptions(at: revision)).keyValues
            #expect(found == model.range(keys, at: revision), "at \(revision), \(place)")
        } catch let error as StoreError where error.code == .compacted {
            // The error knows it a moment before `store.earliest` says so.
            #expect(error.earliest! > revision, "\(error), \(place)")
        }
    }

    private mutating func log() throws {
        guard model.head > 0 else { return }
        let (keys, from) = (input.range(), revision())
        do {
            let page = try store.log(keys, from: from, limit: .max)
            #expect(
                page.updates.flatMap(\.events).map(unlinked) == model.history(keys, from: from).map(unlinked),
                "\(keys) from \(from), \(place)")
        } catch let error as StoreError where error.code == .compacted {
            #expect(error.earliest! > from, "\(error), \(place)")
        }
    }

    /// A watch delivers without a hole from where it starts, or from where the error says that history begins.
    private mutating func watch() async throws {
        guard model.head > 0 else { return }
        var next = revision()
        while true {
            let watch = try store.watch(.all, from: .revision(next))
            do {
                watch.requestProgress()
                for try await element in watch {
                    if case .update(let update) = element {
                        #expect(update.revision == next, place)
                        let expected = model.events[Int(next)]
                        #expect(update.map { unlinked($0) } == expected.map(unlinked), place)
                        next += 1
                    }
                    if next > model.head { return }
                }
            } catch let error as StoreError where error.code == .compacted {
                let earliest = try #require(error.earliest)
                #expect(error.requested == next && earliest > next && earliest <= model.head, "\(error), \(place)")
                next = earliest
            }
        }
    }

    private mutating func compact() async throws {
        guard model.head > 0 else { return }
        let revision = revision()
        do {
            try await store.compact(through: revision)
        } catch let error as StoreError where error.code == .compacted {
            #expect(store.earliest >= revision, place)
        }
        #expect(store.earliest >= revision, place)
    }

    private mutating func reopen() async throws {
        try await store.close()
        store = try await WatchStore.open(path, options: options)
        #expect(store.head == model.head, place)
    }

    /// The revision before may be forgotten, and the event that says so was written before or after that.
    private func unlinked(_ event: WatchEvent) -> WatchEvent {
        event.with(previousRevision: 0)
    }
}
