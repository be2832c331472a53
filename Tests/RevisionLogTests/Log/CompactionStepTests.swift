import Changes
import TestSupport
import Testing

@testable import RevisionLog

/// What is in LMDB between the steps of a compaction that takes several.
@Suite struct CompactionStepTests {
    /// What the keys hold at some revisions, as the test remembers it.
    private typealias History = [(revision: Revision, state: [Bytes: Bytes])]

    @Test(arguments: 1...2 as ClosedRange<UInt64>)
    func betweenTheStepsEverythingCanBeRead(_ seed: UInt64) throws {
        let directory = try JournalDirectory()
        let double = try WriterDouble(directory.path)
        var random = SeededGenerator(seed)
        var (state, history): ([Bytes: Bytes], History) = ([:], [])
        func write(_ count: Int) throws {
            for _ in 0..<count {
                // Of some nothing changes for long.
                let key = Bytes("k/\(random.chance(3) ? random.below(2000) : random.below(20))")
                let value = state[key] != nil && random.chance(4) ? nil : Bytes("value \(double.state.head)")
                try double.put(key, value)
                state[key] = value
                if random.chance(100) { history.append((double.state.head, state)) }
            }
            try double.checkpoint()
        }
        var compacted: Revision = 0
        for round in 0..<3 {
            try write(Limits.compactionRecords)
            try write(Limits.compactionRecords)
            compacted = history[history.count * 9 / 10].revision
            try double.setCompacted(compacted)
            var steps = 0
            while try double.compactionStep() {
                steps += 1
                try expect(double, history.filter { $0.revision >= compacted }, "seed \(seed), round \(round)")
                // Between the steps some of the keys change.
                try write(50)
            }
            #expect(steps > 1, "seed \(seed)")
            try expect(double, history.filter { $0.revision >= compacted }, "seed \(seed), after round \(round)")
        }
    }

    private func expect(_ double: WriterDouble, _ history: History, _ place: Comment) throws {
        for (revision, state) in history {
            for key in state.keys.sorted().prefix(300) {
                #expect(
                    try double.reader.get(key, at: revision)?.value == state[key], "\(key) at \(revision), \(place)")
            }
            let count = try double.reader.page(
                from: "k/", to: nil, at: revision, limit: .max, descending: false, contents: .countOnly
            ).count
            #expect(count == state.count, "at \(revision), \(place)")
        }
        #expect(try double.reader.check(deep: true, progress: nil).problems == [], place)
    }
}
