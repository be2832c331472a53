import Glibc
import TestSupport
import Testing
import Vigil

/// Random writes, compactions, re-opens, reads and watches, against ``ModelStore``.
///
/// `VIGIL_SEEDS=1000` runs more seeds, `VIGIL_SEED=7` one.
@Suite(.timeLimit(.minutes(10))) struct ModelTests {
    static var seeds: [UInt64] {
        if let seed = getenv("VIGIL_SEED").flatMap({ UInt64(String(cString: $0)) }) { return [seed] }
        let count = getenv("VIGIL_SEEDS").flatMap { UInt64(String(cString: $0)) } ?? 30
        return Array(1...count)
    }

    @Test(arguments: ModelTests.seeds)
    func behavesAsTheModel(_ seed: UInt64) async throws {
        try await withTemporaryDirectory { path in
            var run = try await ModelRun(path: path, seed: seed)
            for _ in 0..<300 { try await run.step() }
            try await run.finish()
        }
    }
}

/// One store and its model.
private struct ModelRun {
    let path: String
    let seed: UInt64
    var store: WatchStore
    let options: StoreOptions
    var model = ModelStore()
    var input: RandomInput
    var watches: [ModelWatch] = []

    init(path: String, seed: UInt64) async throws {
        self.path = path
        self.seed = seed
        var input = RandomInput(seed: seed)
        var options = smallOptions(durability: input.random.chance(3) ? .interval(.milliseconds(5)) : .sync)
        options.watch.eventQueueSize = [1, 3, 1000][input.random.below(3)]
        options.watch.watcherBufferSize = [1, 2, 10][input.random.below(3)]
        options.log.versionCacheBytes = [0, 2 << 10, LogOptions().versionCacheBytes][input.random.below(3)]
        self.options = options
        self.input = input
        store = try await WatchStore.open(path, options: options)
    }

    private var place: Comment { "seed \(seed), head \(model.head)" }

    mutating func step() async throws {
        switch input.random.below(46) {
        case 0...14: try await put()
        case 15...17: try await delete()
        case 18: try await deleteRange()
        case 19...24: try await transact()
        case 25...28: try await submitMany()
        case 29...32: try read()
        case 33: try readRange()
        case 34: try history()
        case 35: try await watch()
        case 36: try log()
        case 37: try await compact()
        case 38: if input.random.chance(3) { try await reopen() }
        case 39: try outside()
        case 40, 41: try beginWatch()
        case 42: try await store.seal()
        case 43: if input.random.chance(3) { try await store.shrink() }
        default: try await readWatches()
        }
        #expect(store.head == model.head, place)
    }

    mutating func finish() async throws {
        for index in watches.indices { _ = try await watches[index].read(model, place) }
        try await reopen()
        let report = try store.check(deep: true)
        #expect(report.problems == [], place)
        for revision in model.earliest...max(model.earliest, model.head) where revision <= model.head {
            #expect(
                try store.range(.all, RangeOptions(at: revision)).keyValues == model.range(.all, at: revision), place)
        }
        try await store.close()
    }

    // MARK: Writes

    private mutating func put() async throws {
        let (key, value) = (input.key(), input.value(upTo: 7000))
        model.apply([(key, value)])
        #expect(try await store.put(key, value) == model.head, place)
    }

    private mutating func delete() async throws {
        let key = input.key()
        let exists = model.current[key] != nil
        if exists { model.apply([(key, nil)]) }
        let result = try await store.delete(key)
        #expect(result.revision == (exists ? model.head : nil), place)
        #expect(result.deleted == (exists ? 1 : 0), place)
    }

    private mutating func deleteRange() async throws {
        let keys = input.range()
        let gone = model.range(keys, at: model.head).map(\.key)
        model.apply(gone.map { ($0, nil) })
        #expect(try await store.deleteRange(keys).deleted == gone.count, place)
    }

    private mutating func transact() async throws {
        let transaction = input.transaction(model)
        let expected = ModelTransaction(transaction, on: model)
        do {
            let result = try await store.transaction(transaction)
            #expect(expected.refusal == nil, place)
            #expect(result.succeeded == expected.succeeded, place)
            #expect(result.changed == !expected.changes.isEmpty, place)
            model.apply(expected.changes)
            #expect(result.revision == model.head, place)
            #expect(result.outputs.map(ModelOutput.init) == expected.outputs, place)
        } catch let error as StoreError where expected.refusal != nil {
            #expect(expected.refusal == error.code, place)
        }
    }

    private mutating func submitMany() async throws {
        let transactions = (0..<input.random.below(12)).map { _ in input.transaction(model) }
        let results = try await store.transactions(transactions)
        #expect(results.count == transactions.count, place)
        for (transaction, result) in zip(transactions, results) {
            let expected = ModelTransaction(transaction, on: model)
            switch result {
            case .success(let result):
                #expect(expected.refusal == nil && result.succeeded == expected.succeeded, place)
                model.apply(expected.changes)
                #expect(result.revision == model.head, place)
                #expect(result.outputs.map(ModelOutput.init) == expected.outputs, place)
            case .failure(let error): #expect(error.code == expected.refusal, "\(error), \(place)")
            }
        }
    }

    private mutating func compact() async throws {
        guard model.head > model.compacted else { return }
        let revision = model.compacted + 1 + Revision(input.random.below(Int(model.head - model.compacted)))
        try await store.compact(through: revision)
        model.compact(revision)
        await #expect(throws: StoreError.compactedAlready(requested: revision, earliest: revision)) {
            try await store.compact(through: revision)
        }
    }

    private mutating func reopen() async throws {
        try await store.close()
        for index in watches.indices { try await watches[index].readEnd(model, place) }
        watches = []
        store = try await WatchStore.open(path, options: options)
        #expect(store.head == model.head, place)
        #expect(store.earliest == model.earliest, place)
    }

    // MARK: Reads

    private mutating func revision() -> Revision {
        guard model.head >= model.earliest else { return model.head }
        return model.earliest + Revision(input.random.below(Int(model.head - model.earliest) + 1))
    }

    private mutating func read() throws {
        let key = input.key()
        #expect(try store.get(key) == model.current[key], place)
        guard model.head > 0 else { return }
        let revision = revision()
        #expect(try store.get(key, at: revision) == model.state(at: revision)[key], "at \(revision), \(place)")
    }

    private mutating func readRange() throws {
        guard model.head > 0 else { return }
        let keys = input.range()
        let revision = revision()
        var options = RangeOptions(at: revision)
        options.limit = input.random.chance(2) ? input.random.below(5) : nil
        options.order = input.random.chance(2) ? .descending : .ascending
        options.keysOnly = input.random.chance(3)
        options.counts = input.random.chance(2)
        var expected = model.range(keys, at: revision)
        let count = expected.count
        if options.order == .descending { expected.reverse() }
        if let limit = options.limit { expected = Array(expected.prefix(limit)) }
        if options.keysOnly { for index in expected.indices { expected[index].value = Bytes() } }
        let result = try store.range(keys, options)
        #expect(result.keyValues == expected, "\(keys) at \(revision), \(place)")
        #expect(result.more == (count > expected.count), place)
        #expect(result.count == (options.counts ? count : nil), place)
    }

    private mutating func history() throws {
        let key = input.key()
        let expected = model.history(.key(key), from: model.earliest)
        let found = try store.history(of: key).filter { $0.revision >= model.earliest }
        #expect(found.map(normalised) == expected.reversed().map(normalised), "\(key), \(place)")
    }

    private mutating func log() throws {
        guard model.head >= model.earliest else { return }
        let keys = input.range()
        let from = revision()
        var found: [WatchEvent] = []
        var next: Revision? = from
        while let revision = next {
            let page = try store.log(keys, from: revision, limit: 3)
            found += page.updates.flatMap(\.events)
            next = page.next
        }
        #expect(
            found.map(normalised) == model.history(keys, from: from).map(normalised), "\(keys) from \(from), \(place)")
    }

    private mutating func beginWatch() throws {
        let start: WatchStart =
            switch input.random.below(6) {
            case 0: .now
            case 4: .last(input.random.below(30))
            case 1: .earliest
            case 2: .snapshot
            case 3: .revision(model.head + 1 + Revision(input.random.below(20)))
            default: .revision(max(1, revision()))
            }
        let options = WatchOptions(
            types: [.all, .all, .puts, .deletes][input.random.below(4)], previousValues: input.random.chance(2),
            bufferSize: input.random.chance(2) ? 1 + input.random.below(3) : nil)
        watches.append(try ModelWatch(store, model, input.range(), start, options))
    }

    private mutating func readWatches() async throws {
        for index in watches.indices.reversed() where input.random.chance(2) {
            let limit = input.random.chance(2) ? .max : input.random.below(5)
            if try await !watches[index].read(model, limit: limit, place) { watches.remove(at: index) }
        }
        if watches.count > 5 { watches.removeFirst() }
    }

    private mutating func watch() async throws {
        guard model.head >= model.earliest else { return }
        let keys = input.range()
        let from = revision()
        let watch = try store.watch(keys, from: .revision(from), options: WatchOptions(previousValues: true))
        var found: [WatchEvent] = []
        for try await element in watch {
            if case .update(let update) = element { found += update.events }
            // Progress may come from before the last commits were dispatched; then there is more.
            if case .progress(let revision) = element {
                if revision >= model.head { break }
                watch.requestProgress()
            }
        }
        #expect(
            found.map(normalised) == model.history(keys, from: from).map(normalised), "\(keys) from \(from), \(place)")
        for event in found where event.revision - 1 >= model.earliest {
            let before = model.state(at: event.revision - 1)[event.key]
            #expect(event.previous == before, "\(event.key) before \(event.revision), \(place)")
        }
    }

    private func outside() throws {
        let future = model.head + 1
        #expect(throws: StoreError.future(requested: future, head: model.head)) { try store.get("a", at: future) }
        if model.compacted > 1 {
            let past = model.compacted - 1
            let error = StoreError.compacted(requested: past, earliest: model.compacted)
            #expect(throws: error) { try store.get("a", at: past) }
            #expect(throws: error) { try store.log(from: past) }
        }
    }

    /// Previous revisions are not comparable once the one before is compacted; previous values are checked apart.
    private func normalised(_ event: WatchEvent) -> WatchEvent {
        event.with(previousRevision: event.previousRevision < model.earliest ? 0 : nil)
    }
}
