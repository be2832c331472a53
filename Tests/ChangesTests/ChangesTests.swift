import TestSupport
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

    private func seen(through filter: WatchFilter?) -> WatchUpdate {
        update.batch.update(ofRecord: Int(update.record), through: filter)
    }

    @Test func filtersLeaveTheRevisionWhole() {
        #expect(seen(through: WatchFilter(keys: .prefix("b"))).events.map(\.key) == ["b"])
        #expect(seen(through: WatchFilter(keys: .all, types: .puts)).events.map(\.key) == ["a"])
        #expect(seen(through: nil).events.map(\.key) == ["a", "b"])
        #expect(!WatchFilter(keys: .key("c")).matches(update))
    }

    @Test func ofOneChangeThatAFilterWantsNothingIsLeftToAsk() {
        let one = WatchUpdate(revision: 7, events: [update.events[0]])
        #expect(one.batch.update(ofRecord: 0, through: WatchFilter(keys: .key("a"))).filter == nil)
        #expect(seen(through: WatchFilter(keys: .key("a"))).filter != nil)
    }

    @Test func anEventOfOneRevisionCanBeAnnouncedInAnother() {
        let event = update.events[0]
        #expect(WatchUpdate(revision: 7, events: [event]).events == [event])
        #expect(WatchUpdate(revision: 9, events: [event]).revision == 9)
        #expect(WatchUpdate(revision: 9, events: [event]).events.map(\.key) == ["a"])
    }

    @Test func askingForManyIsAskingForEach() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed)
        func bytes() -> Bytes { Bytes((0...random.below(3)).map { _ in UInt8(random.below(3)) }) }
        for _ in 0..<300 {
            let events = (0..<8).map { _ in
                WatchEvent(type: random.chance(2) ? .put : .delete, key: bytes(), value: bytes(), revision: 7)
            }
            let keys: [KeyRange] = [.key(bytes()), .prefix(bytes()), .range(bytes(), bytes()), .from(bytes()), .all]
            let types: [WatchTypes] = [.all, .puts, .deletes]
            let filter = WatchFilter(keys: keys[random.below(keys.count)], types: types[random.below(3)])
            let batch = WatchUpdate(revision: 7, events: events).batch
            let wanted = filter.withMatches(in: batch) { matches in batch.entries.indices.filter { matches($0) } }
            let place: Comment = "\(filter.keys), seed \(seed)"
            #expect(wanted == batch.entries.indices.filter { filter.matches(batch, $0) }, place)
            #expect(wanted == events.indices.filter { filter.wants(events[$0]) }, place)
            if filter.isEverything { #expect(wanted.count == events.count, place) }
        }
    }

    @Test func everythingIsEveryKeyAndType() {
        #expect(WatchFilter(keys: .all).isEverything)
        #expect(WatchFilter(keys: .from("")).isEverything)
        for keys in [KeyRange.key("a"), .prefix("a"), .range("", "z"), .from("a")] {
            #expect(!WatchFilter(keys: keys).isEverything, "\(keys)")
        }
        for types in [WatchTypes.puts, .deletes] { #expect(!WatchFilter(keys: .all, types: types).isEverything) }
    }
}

extension WatchFilter {
    /// What its parts are documented to mean.
    fileprivate func wants(_ event: WatchEvent) -> Bool {
        guard types == .all || (types == .puts) == (event.type == .put) else { return false }
        return switch keys {
        case .key(let key): event.key == key
        case .prefix(let prefix): event.key.hasPrefix(prefix)
        case .range(let start, let end): event.key >= start && event.key < end
        case .from(let start): event.key >= start
        }
    }
}

@Suite struct WatchEventTests {
    private func event(
        type: WatchEventType = .put, key: Bytes = "k", value: Bytes = "v", revision: Revision = 9,
        createRevision: Revision = 3, version: Int64 = 2, lease: Int64 = 5, previousRevision: Revision = 4,
        previous: KeyValue? = nil
    ) -> WatchEvent {
        WatchEvent(
            type: type, key: key, value: value, revision: revision, createRevision: createRevision, version: version,
            lease: lease, previousRevision: previousRevision, previous: previous)
    }

    @Test func eventsAreEqualIfAllTheySayIs() {
        let before = KeyValue(key: "k", value: "u", createRevision: 3, modRevision: 4, version: 1, lease: 0)
        let different = [
            event(type: .delete), event(key: "l"), event(value: "w"), event(revision: 10), event(createRevision: 2),
            event(version: 3), event(lease: 0), event(previousRevision: 3), event(previous: before),
        ]
        let inABatch = WatchUpdate(revision: 9, events: [event(key: "j"), event()]).events[1]
        #expect(inABatch == event())
        #expect(Set([inABatch, event()]).count == 1)
        for other in different { #expect(other != event(), "\(other)") }
        #expect(Set(different + [event()]).count == different.count + 1)
    }

    @Test func anEventSaysWhatHappened() {
        #expect("\(event())" == "put k = v at 9, created at 3, version 2, lease 5, before at 4")
        let delete = WatchEvent(type: .delete, key: "k", revision: 9, previousRevision: 4)
        #expect("\(delete)" == "delete k at 9, before at 4")
    }
}
