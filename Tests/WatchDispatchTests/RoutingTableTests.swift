import Changes
import TestSupport
import Testing

@testable import WatchDispatch

/// Random watchers and keys against asking every filter.
@Suite struct RoutingTableTests {
    @Test(arguments: 1...20)
    func matchesWhatTheFiltersSay(_ seed: Int) {
        var random = SeededGenerator(UInt64(seed))
        var table = RoutingTable()
        var watchers: [Watcher] = []
        for _ in 0..<400 {
            if !watchers.isEmpty, Int.random(in: 0..<3, using: &random) == 0 {
                let removed = watchers.remove(at: Int.random(in: 0..<watchers.count, using: &random))
                let removals = [table.remove(removed), table.remove(removed)]
                #expect(removals == [true, false])
            } else {
                let watcher = Watcher(filter: randomFilter(&random), policy: .drop, capacity: 1)
                let insertions = [table.insert(watcher), table.insert(watcher)]
                #expect(insertions == [true, false])
                watchers.append(watcher)
            }
            let update = randomUpdate(&random)
            var found: [Unmanaged<Watcher>] = []
            // One by itself is not fetched.
            let popped = EventQueue.Popped(
                batch: Unmanaged.passUnretained(update.batch), record: update.record, droppedBefore: 0)
            table.fetch(Array(repeating: popped, count: Int.random(in: 1...2, using: &random)))
            table.match(update.batch, update.record, hash: table.hash(ofFetched: 0), &found)
            let matched = found.map { ObjectIdentifier($0.takeUnretainedValue()) }
            let expected = watchers.filter { $0.filter.matches(update) }.map { ObjectIdentifier($0) }
            #expect(Set(matched) == Set(expected), "seed \(seed)")
            #expect(matched.count == expected.count, "seed \(seed): a watcher was offered an update twice")
        }
        let count = table.watchers.count
        #expect(count == watchers.count)
    }

    private func randomKey(_ random: inout SeededGenerator) -> Bytes {
        Bytes((0..<Int.random(in: 1...4, using: &random)).map { _ in UInt8.random(in: 97...100, using: &random) })
    }

    private func randomFilter(_ random: inout SeededGenerator) -> WatchFilter {
        let types: WatchTypes = [.all, .all, .puts, .deletes].randomElement(using: &random)!
        let keys: KeyRange =
            switch Int.random(in: 0..<6, using: &random) {
            case 0: .key(randomKey(&random))
            case 1: .prefix(randomKey(&random))
            case 2: .range(randomKey(&random), randomKey(&random))
            case 3: .from(randomKey(&random))
            case 4: .all
            default: .range("b", "c")
            }
        return WatchFilter(keys: keys, types: types)
    }

    private func randomUpdate(_ random: inout SeededGenerator) -> WatchUpdate {
        let events = (0..<Int.random(in: 0...3, using: &random)).map { _ in
            WatchEvent(
                type: Bool.random(using: &random) ? .put : .delete, key: randomKey(&random), revision: 1)
        }
        return WatchUpdate(revision: 1, events: events)
    }
}
