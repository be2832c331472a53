import Changes
import TestSupport
import Testing

@testable import RevisionLog

@Suite struct RecentBatchesTests {
    /// Batches of random lengths, with no content to speak of.
    private func batches(_ count: Int, from first: Revision, _ random: inout SeededGenerator) -> [ChangeBatch] {
        var next = first
        return (0..<count).map { _ in
            let records = (0...random.below(5)).map { record in
                [WatchEvent(type: .delete, key: "k", revision: next + Int64(record))]
            }
            next += Int64(records.count)
            return encode(records, milliseconds: 0)
        }
    }

    private func expect(_ recent: RecentBatches, _ model: [ChangeBatch], _ comment: Comment) {
        #expect(recent.first == model.first?.firstRevision, comment)
        guard let first = model.first?.firstRevision, let last = model.last?.lastRevision else { return }
        let wrong = (max(first - 3, 0)...last + 3).filter { revision in
            let expected = model.first { $0.firstRevision <= revision && revision <= $0.lastRevision }
            return recent.batch(of: revision) !== expected
        }
        #expect(wrong.isEmpty, comment)
        for revision in [0, first, (first + last) / 2, last, last + 1] {
            let expected = model.filter { $0.lastRevision >= revision }
            var found: [ChangeBatch] = []
            recent.forEach(from: revision) { batch in
                found.append(batch)
                return true
            }
            #expect(found.map(\.firstRevision) == expected.map(\.firstRevision), comment)
            // It ends as soon as it is told to, in any chunk.
            let enough = expected.count / 2 + 1
            var calls = 0
            recent.forEach(from: revision) { _ in
                calls += 1
                return calls < enough
            }
            #expect(calls == min(enough, expected.count), comment)
        }
    }

    @Test func keepsWhatWasNotDropped() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed)
        var recent = RecentBatches()
        var model: [ChangeBatch] = []
        var next: Revision = 1
        for round in 0..<15 {
            for batch in batches(random.below(300), from: next, &random) {
                recent.append(batch)
                model.append(batch)
                next = batch.lastRevision + 1
            }
            expect(recent, model, "round \(round), seed \(seed)")
            // Also in the middle of a batch, which stays whole, and now and then everything.
            let oldest = model.first?.firstRevision ?? next
            let dropped = random.chance(4) ? next : oldest - 1 + Int64(random.below(Int(next - oldest) + 1))
            recent.drop(through: dropped)
            model.removeAll { $0.lastRevision <= dropped }
            expect(recent, model, "round \(round), dropped through \(dropped), seed \(seed)")
        }
    }

    @Test func aCopyIsNotChanged() {
        var random = SeededGenerator(1)
        let all = batches(300, from: 1, &random)
        var recent = RecentBatches()
        for batch in all.prefix(200) { recent.append(batch) }
        let copy = recent
        for batch in all.dropFirst(200) { recent.append(batch) }
        recent.drop(through: all[250].lastRevision)
        expect(copy, Array(all.prefix(200)), "the copy")
        expect(recent, Array(all.dropFirst(251)), "the original")
    }

    @Test func empty() {
        let recent = RecentBatches()
        #expect(recent.first == nil)
        #expect(recent.batch(of: 1) == nil)
        recent.forEach(from: 0) { _ in
            Issue.record("there is none")
            return true
        }
    }
}
