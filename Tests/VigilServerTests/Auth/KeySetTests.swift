import TestSupport
import Testing
import Vigil

@testable import VigilServer

/// Which ranges are within what was granted.
@Suite struct KeySetTests {
    @Test func adjacentGrantsAreOne() {
        let set = KeySet([.range("a", "c"), .range("c", "e"), .key("e")])
        #expect(set.covers(.range("a", "e")) && set.covers(.range("b", "e\0")) && set.covers(.key("e")))
        #expect(!set.covers(.range("a", "f")) && !set.covers(.key("e\0")) && !set.covers(.from("b")))
        #expect(set == KeySet([.range("a", "e\0")]))
    }

    @Test func everything() {
        for all in [KeyRange.all, .from("\0"), .from(""), KeyRange(key: Bytes("\0"), end: Bytes("\0"))] {
            let set = KeySet([all])
            for range in [KeyRange.all, .from("\0"), .from("x"), .prefix("\u{7F}"), .key("a"), .range("a", "b")] {
                #expect(set.covers(range), "\(range) within \(all)")
            }
        }
    }

    @Test func edges() {
        #expect(!KeySet().covers(.key("a")))
        #expect(!KeySet([.key("a")]).covers(.from("a")))
        #expect(!KeySet([.key("a")]).covers(.prefix("a")))
        #expect(KeySet([.prefix("a")]).covers(.range("a", "b")))
        #expect(KeySet([.prefix(Bytes([0xFF]))]).covers(.from(Bytes([0xFF]))))
        // What grants nothing, and what asks for nothing.
        #expect(KeySet([.range("b", "a"), .range("b", "b"), .key("")]) == KeySet())
        #expect(!KeySet([.all]).covers(.range("b", "a")) && !KeySet([.all]).covers(.key("")))
        #expect(KeySet([.prefix("b")]).covers(.range("b", "b")) && !KeySet([.prefix("b")]).covers(.range("a", "a")))
    }

    /// Every pair of ranges with bounds of a few keys, against key by key.
    @Test func allPairs() {
        let ranges = Self.allRanges
        for first in ranges {
            let set = KeySet([first])
            for second in ranges {
                #expect(set.covers(second) == Self.covers([first], second), "\(second) within \(first)")
            }
        }
    }

    @Test(arguments: [UInt64.random(in: 0...UInt64.max)])
    func manyGrants(_ seed: UInt64) {
        var random = SeededGenerator(seed)
        let ranges = Self.allRanges
        for _ in 0..<2000 {
            let grants = (0..<random.below(7)).map { _ in ranges[random.below(ranges.count)] }
            let set = KeySet(grants)
            #expect(set == KeySet(grants.shuffled(using: &random)), "seed \(seed): the order of \(grants) matters")
            for _ in 0..<20 {
                let range = ranges[random.below(ranges.count)]
                #expect(set.covers(range) == Self.covers(grants, range), "seed \(seed): \(range) within \(grants)")
            }
        }
    }

    // MARK: The oracle

    private static let alphabet: [UInt8] = [0, 0x61, 0xFF]

    /// All texts of so many letters at most.
    private static func texts(_ length: Int) -> [Bytes] {
        guard length > 0 else { return [Bytes()] }
        let shorter = texts(length - 1)
        return shorter
            + shorter.filter { $0.count == length - 1 }.flatMap { text in alphabet.map { Bytes(Array(text) + [$0]) } }
    }

    /// Whatever lies between two bounds, which have two letters at most, or are the end of such a prefix, has its first
    /// key among these.
    private static let keys = (texts(3) + texts(2).compactMap(\.prefixEnd)).filter { !$0.isEmpty }

    private static let allRanges: [KeyRange] = {
        let bounds = texts(2)
        return bounds.flatMap { start in
            [.key(start), .prefix(start), .from(start)] + bounds.map { .range(start, $0) }
        }
    }()

    private static func covers(_ grants: [KeyRange], _ range: KeyRange) -> Bool {
        let isPoint = range.upperBound == range.lowerBound
        let asked = keys.filter { isPoint ? $0 == range.lowerBound : range.contains($0) }
        return !asked.isEmpty && asked.allSatisfy { key in grants.contains { $0.contains(key) } }
    }
}
