import Vigil

/// A store in the simplest form that could be right: the whole state after each revision.
struct ModelStore {
    /// Index 0 is the empty store before revision 1.
    private(set) var states: [[Bytes: KeyValue]] = [[:]]
    /// The events of each revision; index 0 has none.
    private(set) var events: [[WatchEvent]] = [[]]
    private(set) var compacted: Revision = 0

    var head: Revision { Revision(states.count - 1) }
    var earliest: Revision { max(1, compacted) }
    var current: [Bytes: KeyValue] { states[states.count - 1] }

    mutating func compact(_ revision: Revision) { compacted = revision }

    func state(at revision: Revision) -> [Bytes: KeyValue] { states[Int(revision)] }

    func range(_ keys: KeyRange, at revision: Revision) -> [KeyValue] {
        state(at: revision).values.filter { keys.contains($0.key) }.sorted { $0.key < $1.key }
    }

    /// The revision that made the newest change of `key` up to the head.
    private func lastChange(of key: Bytes) -> Revision {
        events.lastIndex { $0.contains { $0.key == key } }.map { Revision($0) } ?? 0
    }

    /// Makes the changes of one revision, nil deletes; none make no revision.
    mutating func apply(_ changes: [(Bytes, Bytes?)]) {
        guard !changes.isEmpty else { return }
        let revision = head + 1
        var state = current
        var made: [WatchEvent] = []
        for (key, value) in changes {
            let before = state[key]
            let previous = lastChange(of: key)
            if let value {
                let keyValue = KeyValue(
                    key: key, value: value, createRevision: before?.createRevision ?? revision, modRevision: revision,
                    version: (before?.version ?? 0) + 1)
                state[key] = keyValue
                made.append(
                    WatchEvent(
                        type: .put, key: key, value: value, revision: revision,
                        createRevision: keyValue.createRevision, version: keyValue.version,
                        previousRevision: previous))
            } else {
                state[key] = nil
                made.append(
                    WatchEvent(type: .delete, key: key, revision: revision, previousRevision: previous))
            }
        }
        states.append(state)
        events.append(made)
    }

    /// Everything that `keys` did from `revision` on.
    func history(_ keys: KeyRange, from revision: Revision) -> [WatchEvent] {
        guard revision <= head else { return [] }
        return events[Int(revision)...].joined().filter { keys.contains($0.key) }
    }

    func holds(_ comparison: Transaction.Comparison) -> Bool {
        let present = current.values.filter { comparison.keys.contains($0.key) }
        return present.isEmpty ? holds(comparison, nil) : present.allSatisfy { holds(comparison, $0) }
    }

    private func holds(_ comparison: Transaction.Comparison, _ keyValue: KeyValue?) -> Bool {
        switch comparison.target {
        case .value(let value): return keyValue.map { relates(comparison.relation, $0.value, value) } ?? false
        case .version(let number): return relates(comparison.relation, keyValue?.version ?? 0, number)
        case .createRevision(let number): return relates(comparison.relation, keyValue?.createRevision ?? 0, number)
        case .modRevision(let number): return relates(comparison.relation, keyValue?.modRevision ?? 0, number)
        case .lease(let number): return relates(comparison.relation, keyValue?.lease ?? 0, number)
        }
    }

    private func relates<T: Comparable>(_ relation: Transaction.Comparison.Relation, _ a: T, _ b: T) -> Bool {
        switch relation {
        case .equal: a == b
        case .notEqual: a != b
        case .less: a < b
        case .greater: a > b
        }
    }
}
