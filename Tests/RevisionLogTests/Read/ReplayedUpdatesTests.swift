import Changes
import TestSupport
import Testing

@testable import RevisionLog

@Suite struct ReplayedUpdatesTests {
    /// Records of random batches, some left out, taken and added in any order of the two.
    @Test func whatIsAddedIsTakenInOrder() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed)
        for round in 0..<50 {
            let filter = random.chance(2) ? WatchFilter(keys: .all, types: .puts) : nil
            var updates = ReplayedUpdates(filter: filter)
            var expected: [[WatchEvent]] = []
            var revision: Revision = 1
            for _ in 0..<10 {
                let records = random.records(from: revision, count: 1 + random.below(5))
                let batch = encode(records, milliseconds: 0)
                revision = batch.lastRevision + 1
                for (record, events) in records.enumerated() {
                    // As its reader does: what the filter does not want at all is not there.
                    let wanted = events.filter { filter?.types.contains($0.type) ?? true }
                    guard !wanted.isEmpty, !random.chance(3) else { continue }
                    updates.append(batch, record: record)
                    expected.append(wanted)
                }
                if random.chance(3), !expected.isEmpty {
                    #expect(updates.first?.events == expected[0], "seed \(seed), round \(round)")
                    let taken = updates.popFirst()
                    #expect(taken?.events == expected.removeFirst(), "seed \(seed), round \(round)")
                }
                #expect(updates.count == expected.count, "seed \(seed), round \(round)")
                #expect(updates.isEmpty == expected.isEmpty, "seed \(seed), round \(round)")
                #expect(updates.map(\.events) == expected, "seed \(seed), round \(round)")
            }
        }
    }

    @Test func ofNoneThereIsNoFirst() {
        var updates = ReplayedUpdates()
        #expect(updates.first == nil)
        let taken = updates.popFirst()
        #expect(taken == nil)
    }
}
