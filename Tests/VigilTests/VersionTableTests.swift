import Changes
import TestSupport
import Testing

@testable import RevisionLog
@testable import Vigil

@Suite struct VersionTableTests {
    private func numbers(_ revision: Int) -> VersionNumbers {
        VersionNumbers(modRevision: Revision(revision), createRevision: 1, version: 2)
    }

    /// Random keys, of which many come again.
    @Test func whatWasNotedLastIsFound() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed)
        var table = VersionTable()
        var model: [Bytes: Revision] = [:]
        for revision in 1...3000 {
            let key = WrittenKey(Bytes((0..<random.below(3)).map { _ in UInt8(random.below(20)) }))
            #expect(table.find(key)?.modRevision == model[key.key], "\(key), seed \(seed)")
            // Changes nothing, whatever is there.
            table.fetch([key.hash, UInt32.random(in: 0 ... .max), 0, .max].sorted())
            if random.chance(2) {
                table.set(key, numbers(revision))
                model[key.key] = Revision(revision)
            }
            #expect(table.count == model.count, "seed \(seed)")
        }
        for (key, revision) in model {
            #expect(table.find(WrittenKey(key))?.modRevision == revision, "\(key), seed \(seed)")
        }
    }

    /// Or whoever comes when it has to grow would wait for all that there is to be moved.
    @Test func itGrowsInSmallParts() {
        var table = VersionTable()
        for number in 0..<100_000 {
            let before = table.bytes
            table.set(WrittenKey(Bytes("key/\(number)")), numbers(number))
            if number > 10_000 { #expect(table.bytes - before < before / 20, "\(number)") }
        }
        #expect(table.count == 100_000)
    }

    @Test func anEmptyTableFindsNothing() {
        var table = VersionTable()
        #expect(table.isEmpty)
        #expect(table.find(WrittenKey("k")) == nil)
        table.fetch([WrittenKey("k").hash])
    }
}
