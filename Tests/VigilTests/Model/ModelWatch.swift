import TestSupport
import Testing
import Vigil

/// A watch that lives for some time beside the writes, is read now and then, and must deliver just what the model says.
struct ModelWatch {
    let watch: Watch
    private let keys: KeyRange
    private let start: WatchStart
    private let options: WatchOptions
    private var elements: Watch.AsyncIterator
    /// Everything before this revision was delivered.
    private var next: Revision
    private var hasDelivered = false

    init(
        _ store: WatchStore, _ model: ModelStore, _ keys: KeyRange, _ start: WatchStart, _ options: WatchOptions
    ) throws {
        watch = try store.watch(keys, from: start, options: options)
        elements = watch.makeAsyncIterator()
        self.keys = keys
        self.start = start
        self.options = options
        next =
            switch start {
            case .now, .snapshot: model.head + 1
            case .revision(let revision): revision
            case .earliest: model.earliest
            case .last(let count): max(model.earliest, model.head - Revision(count) + 1)
            case .time: preconditionFailure("the model has no clock")
            case .cursor: preconditionFailure("cursors have a model of their own")
            }
    }

    /// Reads as many updates as there are to read, or `limit`. False if the watch has ended, as it must when what it
    /// would have read is compacted.
    mutating func read(_ model: ModelStore, limit: Int = .max, _ place: Comment) async throws -> Bool {
        do {
            if start == .snapshot, !hasDelivered { try await readState(model, place) }
            // A watch of what is earliest begins there at its first read; so does one of the last few, if fewer are left.
            if isAtMostRetained, !hasDelivered { next = max(next, model.earliest) }
            for expected in pending(model).prefix(limit) {
                let update = try await nextUpdate(expected[0].revision, place)
                #expect(
                    update?.map { normalised($0, model) } == expected.map { normalised($0, model) },
                    "\(description), \(place)")
                guard let update else { return false }
                if options.previousValues { checkPrevious(update, model, place) }
                next = expected[0].revision + 1
                hasDelivered = true
            }
            return true
        } catch let error as StoreError where error.code == .compacted {
            // It resumes from where it is, or reads the state at the revision before.
            let needed = start == .snapshot && !hasDelivered ? next - 1 : watch.resumeRevision
            #expect(needed < model.earliest, "\(error), \(description), \(place)")
            #expect(error.earliest == model.earliest, "\(description), \(place)")
            return false
        }
    }

    private var isAtMostRetained: Bool {
        if case .last = start { return true }
        return start == .earliest
    }

    /// After the store was closed: a part of what there was to read may still come, then the end.
    mutating func readEnd(_ model: ModelStore, _ place: Comment) async throws {
        if start == .snapshot, !hasDelivered { return }
        var expected = pending(model)[...]
        while let element = try await elements.next() {
            guard case .update(let update) = element else { continue }
            let wanted = expected.popFirst()
            #expect(
                update.map { normalised($0, model) } == wanted?.map { normalised($0, model) },
                "\(description), \(place)")
        }
    }

    /// What is to be read of each revision, none of them empty.
    private func pending(_ model: ModelStore) -> [[WatchEvent]] {
        guard next <= model.head else { return [] }
        return model.events[Int(next)...].map { events in
            events.filter { keys.contains($0.key) && options.types.contains($0.type) }
        }.filter { !$0.isEmpty }
    }

    /// The next update, over marks that must not claim what was not delivered.
    private mutating func nextUpdate(_ wanted: Revision, _ place: Comment) async throws -> WatchUpdate? {
        while let element = try await elements.next() {
            switch element {
            case .update(let update): return update
            case .progress(let revision):
                #expect(revision < wanted, "progress before revision \(wanted), \(description), \(place)")
                hasDelivered = true
            case .state, .synced, .gap: Issue.record("\(element), \(description), \(place)")
            }
        }
        return nil
    }

    private mutating func readState(_ model: ModelStore, _ place: Comment) async throws {
        var found: [KeyValue] = []
        while let element = try await elements.next() {
            switch element {
            case .state(let page): found += page
            case .synced(let revision):
                #expect(revision == next - 1, "\(description), \(place)")
                #expect(found == model.range(keys, at: revision), "\(description), \(place)")
                hasDelivered = true
                return
            case .update, .progress, .gap: Issue.record("\(element), \(description), \(place)")
            }
        }
        Issue.record("no state, \(description), \(place)")
    }

    private func checkPrevious(_ update: WatchUpdate, _ model: ModelStore, _ place: Comment) {
        guard update.revision - 1 >= model.earliest else { return }
        for event in update {
            let before = model.state(at: update.revision - 1)[event.key]
            #expect(event.previous == before, "\(event.key) before \(update.revision), \(description), \(place)")
        }
    }

    /// The revision before is 0 if it was compacted by the time of the write; the previous value is checked apart.
    private func normalised(_ event: WatchEvent, _ model: ModelStore) -> WatchEvent {
        event.with(previousRevision: event.previousRevision < model.earliest ? 0 : nil)
    }

    private var description: Comment { "watch of \(keys) from \(start), \(options.types)" }
}
