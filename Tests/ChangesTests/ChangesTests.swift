import Testing

@testable import Changes

@Suite struct BytesTests {
    @Test func ordersAsUnsignedBytes() {
        #expect(Bytes([0x7F]) < Bytes([0x80]))
        #expect(Bytes("a") < Bytes("aa"))
        #expect(Bytes() < Bytes([0]))
        #expect(Bytes("abc")[1..<3] == Bytes("bc"))
        #expect(Bytes("abc")[1..<3].hashValue == Bytes("bc").hashValue)
    }

    @Test func prefixEndIsTheFirstKeyAfterAll() {
        #expect(Bytes("a/").prefixEnd == Bytes("a0"))
        #expect(Bytes([0x61, 0xFF]).prefixEnd == Bytes([0x62]))
        #expect(Bytes([0xFF, 0xFF]).prefixEnd == nil)
        #expect(Bytes().prefixEnd == nil)
    }

    @Test func textIsShownAndTheRestEscaped() {
        #expect(Bytes("naïve").description == "naïve")
        #expect(Bytes([0x61, 0xFF, 0x0A]).description == "a\\xff\\x0a")
        #expect(Bytes([0xFF]).string == nil)
    }
}

@Suite struct KeyRangeTests {
    @Test(
        arguments: [
            (KeyRange.key("b"), "b", ["a", "ba", "bb"]), (.prefix("b"), "ba", ["a", "c"]),
            (.range("b", "c"), "bz", ["c", "a"]),
            (.from("b"), "z", ["a"]), (.range("c", "b"), nil, ["b", "bb", "c"]),
        ] as [(KeyRange, String?, [String])])
    func containsWhatItsBoundsSay(_ range: KeyRange, _ inside: String?, _ outside: [String]) {
        if let inside { #expect(range.contains(Bytes(inside))) }
        for key in outside {
            #expect(!range.contains(Bytes(key)))
            let isInBounds = Bytes(key) >= range.lowerBound && (range.upperBound.map { Bytes(key) < $0 } ?? true)
            #expect(!isInBounds, "\(range) \(key)")
        }
    }

    @Test func emptyRanges() {
        #expect(KeyRange.range("b", "b").isEmpty)
        #expect(!KeyRange.range("b", "ba").isEmpty)
        #expect(!KeyRange.all.isEmpty)
        #expect(KeyRange.all.contains("anything"))
    }
}

@Suite struct WatchUpdateTests {
    private let update = WatchUpdate(
        revision: 7,
        events: [
            WatchEvent(type: .put, key: "a", value: "1", revision: 7, createRevision: 3, version: 2),
            WatchEvent(type: .delete, key: "b", revision: 7, previousRevision: 5),
        ])

    @Test func givesItsEventsInOrder() {
        #expect(update.revision == 7)
        #expect(update.events.map(\.key) == ["a", "b"])
        #expect(update.events[0].keyValue?.version == 2)
        #expect(update.events[1].keyValue == nil)
        #expect(update.events[1].previousRevision == 5)
    }

    @Test func filtersLeaveTheRevisionWhole() {
        #expect(update.filtered(by: WatchFilter(keys: .prefix("b"))).events.map(\.key) == ["b"])
        #expect(update.filtered(by: WatchFilter(keys: .all, types: .puts)).events.map(\.key) == ["a"])
        #expect(!WatchFilter(keys: .key("c")).matches(update))
    }
}
