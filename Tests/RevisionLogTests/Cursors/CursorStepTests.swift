import Changes
import Testing

@testable import RevisionLog

/// The pure parts, over all small cases.
@Suite struct CursorStepTests {
    private func entry(
        _ acknowledged: Revision, _ generation: UInt64, hold: CursorHold? = nil, failed: Bool = false
    ) -> CursorEntry {
        var entry = CursorEntry(
            acknowledged: acknowledged, generation: generation, movedMilliseconds: 5, hold: hold)
        entry.isFailed = failed
        return entry
    }

    @Test func anAcknowledgementNeverMovesBackAndNeverOverwritesWhatOthersSet() {
        let hold = CursorHold(revisions: 7)
        let all: [CursorEntry?] =
            [nil]
            + [1, 2].flatMap { generation in
                [false, true].flatMap { failed in
                    (0...3).map { entry($0, generation, hold: hold, failed: failed) }
                }
            }
        for stored in all {
            for created in [nil, entry(1, 1, hold: hold)] {
                for acknowledged in Revision(0)...4 {
                    let step = CursorStep(
                        stored: stored, created: created, generation: 1, acknowledged: acknowledged, milliseconds: 9)
                    switch (stored, created) {
                    case (nil, nil): #expect(step == .refuse(.cursorNotFound))
                    case (nil, let created?):
                        var expected = created
                        expected.acknowledged = max(1, acknowledged)
                        expected.movedMilliseconds = 9
                        #expect(step == .put(expected))
                    case (let stored?, _) where stored.generation != 1: #expect(step == .refuse(.cursorMoved))
                    case (let stored?, _) where stored.isFailed: #expect(step == .refuse(.cursorFailed))
                    case (let stored?, _) where acknowledged <= stored.acknowledged: #expect(step == .keep)
                    case (var stored?, _):
                        stored.acknowledged = acknowledged
                        stored.movedMilliseconds = 9
                        #expect(step == .put(stored))
                    }
                }
            }
        }
    }

    @Test func eachBoundIsInclusiveAndTheFirstExceededCounts() {
        func lag(_ revisions: Int64, _ seconds: Int64, _ bytes: Int) -> CursorLag {
            var lag = CursorLag()
            lag.revisions = revisions
            lag.age = .seconds(seconds)
            lag.bytes = bytes
            return lag
        }
        for bounds in 1..<8 {
            let hold = CursorHold(
                revisions: bounds & 1 == 0 ? nil : 10, age: bounds & 2 == 0 ? nil : .seconds(10),
                bytes: bounds & 4 == 0 ? nil : 10)
            for over in 0..<8 {
                let behind = lag(over & 1 == 0 ? 10 : 11, over & 2 == 0 ? 10 : 11, over & 4 == 0 ? 10 : 11)
                #expect(hold.covers(behind) == (bounds & over == 0), "\(hold) \(behind)")
            }
        }
    }

    @Test func theFloorIsTheLowestThatIsHeldWithinItsBound() {
        let holds: [CursorHold?] = [nil, CursorHold(revisions: 10), CursorHold(revisions: 10, then: .fail)]
        let head: Revision = 20
        let earliest: Revision = 5
        for first in 0..<holds.count * 21 {
            for second in 0..<holds.count * 21 {
                let cursors = [first, second].map { entry(Revision($0 % 21), 1, hold: holds[$0 / 21]) }
                var floor = CursorFloor()
                for (name, cursor) in zip(["a", "b"], cursors) {
                    floor.add(name, cursor, earliest: earliest) {
                        var lag = CursorLag()
                        lag.revisions = head - cursor.acknowledged
                        return lag
                    }
                }
                let holding = cursors.filter { $0.hold != nil && $0.acknowledged >= 10 }
                #expect(floor.revision == holding.map { $0.acknowledged + 1 }.min())
                let failing = zip(["a", "b"], cursors).filter { $1.hold?.then == .fail && $1.acknowledged < 10 }
                #expect(floor.failing == failing.map(\.0))
            }
        }
        // What it needs is gone already: there is nothing to hold, however wide the bound.
        var floor = CursorFloor()
        floor.add("lost", entry(3, 1, hold: CursorHold(revisions: 100)), earliest: 5) { CursorLag() }
        floor.add("failed", entry(9, 1, hold: CursorHold(revisions: 100), failed: true), earliest: 5) { CursorLag() }
        #expect(floor.revision == nil && floor.failing == [])
    }
}
