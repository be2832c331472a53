import TestSupport
import Testing

@testable import WatchDispatch

@Suite struct RingTests {
    /// Random steps against an array.
    @Test(arguments: 0..<20 as Range<UInt64>)
    func behavesLikeAnArray(_ seed: UInt64) {
        var random = SeededGenerator(seed)
        let capacity = Int.random(in: 1...9, using: &random)
        var ring = Ring<String>(capacity: capacity)
        var model: [String] = []
        for step in 0..<1000 {
            switch Int.random(in: 0..<5, using: &random) {
            case 0, 1:
                if model.count < capacity {
                    ring.append("element \(step)")
                    model.append("element \(step)")
                }
            case 2, 3:
                let (popped, expected) = (ring.popFirst(), model.isEmpty ? nil : model.removeFirst())
                #expect(popped == expected, "seed \(seed)")
            default:
                ring.first = "changed \(step)"
                if !model.isEmpty { model[0] = "changed \(step)" }
            }
            let (first, count, isFull) = (ring.first, ring.count, ring.isFull)
            #expect(first == model.first && count == model.count && isFull == (count == capacity), "seed \(seed)")
        }
    }

    private final class Thing {}

    @Test func letsGoOfWhatItHeld() {
        weak var popped: Thing?
        weak var left: Thing?
        do {
            var ring = Ring<Thing>(capacity: 2)
            do {
                let things = (0..<3).map { _ in Thing() }
                (popped, left) = (things[0], things[2])
                ring.append(things[0])
                ring.append(things[1])
                _ = ring.popFirst()
                ring.append(things[2])
            }
            #expect(popped == nil && left != nil)
        }
        #expect(left == nil)
    }
}
