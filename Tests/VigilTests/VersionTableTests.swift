import Changes
import TestSupport
import Testing

@testable import RevisionLog
@testable import Vigil

@Suite struct VersionTableTests {
    private func numbers(_ revision: Int) -> VersionNumbers {
        VersionNumbers(type: .put, modRevision: Revision(revision), createRevision: 1, version: 2)
    }

    /// Random keys, of which many come again, with hashes of their own, or few that all share.
    @Test(arguments: [UInt64.max, 0xFFFF_FFFF_0000_0003, 3, 0]) func whatWasNotedLastIsFound(_ mask: UInt64) {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed)
        var table = VersionTable(minimumCapacity: random.below(20))
        var model: [Bytes: Revision] = [:]
        func hash(_ key: Bytes) -> UInt64 { VersionTable.hash(key) & mask }
        for revision in 1...3000 {
            let key = Bytes((0..<random.below(3)).map { _ in UInt8(random.below(20)) })
            #expect(table.find(key, hash(key))?.modRevision == model[key], "\(key), seed \(seed)")
            // Changes nothing, whatever is there.
            table.fetch([hash(key), UInt64.random(in: 0 ... .max)])
            if random.chance(2) {
                table.set(key, hash(key), numbers(revision))
                model[key] = Revision(revision)
            }
            #expect(table.count == model.count, "seed \(seed)")
        }
        for (key, revision) in model {
            #expect(table.find(key, hash(key))?.modRevision == revision, "\(key), seed \(seed)")
        }
    }

    @Test func anEmptyTableFindsNothing() {
        let table = VersionTable()
        #expect(table.isEmpty)
        #expect(table.find("k", VersionTable.hash("k")) == nil)
        table.fetch([VersionTable.hash("k")])
    }
}
