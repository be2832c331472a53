import TestSupport
import Testing

@testable import Changes

/// Random additions, removals and look-ups of keys, of which many come again, against an array.
@Suite struct KeyIndexTests {
    /// With hashes of their own, few that all share, one, and such that searches run past the end of the table.
    @Test(arguments: [UInt32.max, 0xFFFF_0003, 3, 0], [UInt32(0), .max]) func findsWhatAnArrayHas(
        _ mask: UInt32, _ added: UInt32
    ) {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed)
        var index = KeyIndex()
        var model: [Bytes] = []
        func hash(_ key: Bytes) -> UInt32 { (KeyIndex.hash(key) & mask) &+ added }
        func find(_ key: Bytes) -> Int? { key.withUnsafeBytes { index.find($0, hash(key)) } }
        for step in 0..<6000 {
            let key = Bytes((0..<random.below(3)).map { _ in UInt8(random.below(20)) })
            #expect(find(key) == model.firstIndex(of: key), "\(key), seed \(seed)")
            fetch(index, [hash(key), UInt32.random(in: 0 ... .max)])
            // More grows than shrinks at first, then the other way round, until nothing is left.
            if random.chance(step < 3000 ? 2 : 10) {
                let number = key.withUnsafeBytes { index.add($0, hash(key)) }
                if !model.contains(key) { model.append(key) }
                #expect(number == model.firstIndex(of: key), "\(key), seed \(seed)")
            } else if !model.isEmpty, random.chance(step < 3000 ? 5 : 2) {
                let number = random.below(model.count)
                index.remove(number)
                model.swapAt(number, model.count - 1)
                model.removeLast()
            }
            #expect(index.count == model.count, "seed \(seed)")
        }
        for (number, key) in model.enumerated() { #expect(find(key) == number, "\(key), seed \(seed)") }
        while !model.isEmpty {
            index.remove(0)
            model.swapAt(0, model.count - 1)
            model.removeLast()
            for (number, key) in model.enumerated() { #expect(find(key) == number, "\(key), seed \(seed)") }
        }
    }

    /// Changes nothing, whatever is there, and names keys that there are.
    private func fetch(_ index: KeyIndex, _ hashes: [UInt32]) {
        var numbers: [Int] = []
        index.fetch(hashes, &numbers)
        #expect(numbers.allSatisfy { (0..<index.count).contains($0) })
    }

    @Test func anEmptyIndexFindsNothing() {
        let index = KeyIndex()
        #expect(index.count == 0)
        for key in ["", "k"] as [Bytes] {
            #expect(key.withUnsafeBytes { index.find($0, KeyIndex.hash($0)) } == nil)
        }
        fetch(index, [KeyIndex.hash("k")])
    }

    /// Keys that come and go do not add up.
    @Test func memoryOfRemovedKeysIsUsedAgain() {
        var index = KeyIndex()
        for number in 0..<200_000 {
            let key = Bytes("a rather long key, the \(number)th of its kind")
            _ = key.withUnsafeBytes { index.add($0, KeyIndex.hash($0)) }
            if number >= 10 { index.remove(0) }
        }
        #expect(index.count == 10)
        #expect(index.keyBytes < 2000)
    }
}
