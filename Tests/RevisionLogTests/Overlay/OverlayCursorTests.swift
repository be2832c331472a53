import Changes
import TestSupport
import Testing

@testable import RevisionLog

@Suite struct OverlayCursorTests {
    @Test(arguments: [false, true])
    func walksAllRunsAsOne(descending: Bool) {
        let seed = UInt64.random(in: 0 ... .max)
        for round in 0..<40 {
            var model = OverlayModel(random: SeededGenerator(seed &+ UInt64(round)))
            // Unmerged, so that the same keys are in many of them; none at all is a case too.
            let runs = (0..<round % 8).map { _ in OverlayRun(model.batch()) }
            for _ in 0..<20 {
                let lower = model.random.chance(4) ? Bytes() : model.key()
                let upper = model.random.chance(4) ? nil : model.key()
                let range = upper.map { KeyRange.range(lower, $0) } ?? .from(lower)
                var expected = model.newest.filter { range.contains($0.key) }.sorted { $0.key < $1.key }
                if descending { expected.reverse() }
                let cursor = OverlayCursor(runs, lower: lower, upper: upper, descending: descending)
                let found = walk(cursor, while: range)
                #expect(found == expected.map(\.value), "\(range), seed \(seed), round \(round)")
            }
        }
    }

    private func walk(_ start: OverlayCursor, while range: KeyRange) -> [WatchEvent] {
        var cursor = start
        var found: [WatchEvent] = []
        while let key = cursor.peek(), range.contains(key) {
            found.append(cursor.version().event(key))
            cursor.advance()
        }
        return found
    }

    @Test func nothingToWalk() {
        var cursor = OverlayCursor([], lower: Bytes(), upper: nil, descending: true)
        #expect(cursor.peek() == nil)
        cursor.advance()
        #expect(cursor.peek() == nil)
    }
}
