import Synchronization
import TestSupport
import Testing

@testable import WatchDispatch

@Suite struct RingTests {
    /// Counts those of its kind that are there.
    private final class Element: Sendable {
        let number: Int
        private let living: Living

        init(_ number: Int, _ living: Living) {
            (self.number, self.living) = (number, living)
            living.count.add(1, ordering: .relaxed)
        }

        deinit { living.count.subtract(1, ordering: .relaxed) }
    }

    private final class Living: Sendable {
        let count = Atomic(0)
    }

    /// Random operations on rings and copies of them, against arrays. Nothing is kept too long, or not long enough.
    @Test func itIsAQueueAndItsCopiesAreOthers() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed)
        let living = Living()
        for _ in 0..<200 {
            let capacity = 1 + random.below(5)
            var rings = [(ring: Ring<Element>(), model: [Element]())]
            for number in 0..<60 {
                let place: Comment = "seed \(seed), step \(number)"
                let index = random.below(rings.count)
                switch random.below(6) {
                case 0, 1, 2:
                    guard rings[index].model.count < capacity else { continue }
                    let element = Element(number, living)
                    rings[index].ring.append(element, capacity: capacity)
                    rings[index].model.append(element)
                case 3:
                    let popped = rings[index].ring.popFirst()
                    let expected = rings[index].model.isEmpty ? nil : rings[index].model.removeFirst()
                    #expect(popped === expected, place)
                case 4:
                    guard !rings[index].model.isEmpty else { continue }
                    let element = Element(number, living)
                    rings[index].ring.first = element
                    rings[index].model[0] = element
                default:
                    if rings.count < 3 { rings.append(rings[index]) } else { rings.remove(at: index) }
                }
                for (ring, model) in rings {
                    #expect(ring.count == model.count, place)
                    #expect(ring.first === model.first, place)
                }
                let all = Set(rings.flatMap { $0.model.map(\.number) })
                #expect(living.count.load(ordering: .relaxed) == all.count, place)
            }
        }
        #expect(living.count.load(ordering: .relaxed) == 0, "seed \(seed)")
    }
}
