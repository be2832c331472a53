import Testing
import Vigil

/// A write that `CrashWriter` acknowledged.
struct Acknowledged {
    var revision: Revision
    var key: Bytes
    /// Nil for a delete.
    var value: Bytes?

    /// From `ack REVISION KEY VALUE`, and so from `event …` too.
    init(line: String, _ kind: String) throws {
        let words = line.split(separator: " ").map(String.init)
        try #require(words.count == 4 && words[0] == kind, "\(line)")
        revision = try #require(Revision(words[1]), "\(line)")
        key = Bytes(words[2])
        value = words[3] == "-" ? nil : Bytes(words[3])
    }
}

/// Follows what the log says and compares it with what the tasks of `CrashWriter` can have written: each its own keys, in
/// the order of its own count, nothing twice, nothing left out and nothing by halves.
struct WriterTrace {
    static let writers = 6

    /// The count that each writer of each run came to; nil if it was not seen from its beginning.
    private var sequences: [Bytes: Int] = [:]
    let place: Comment

    init(_ place: Comment) {
        self.place = place
    }

    /// Takes the next revision.
    mutating func add(_ update: WatchUpdate) throws {
        let events = update.events
        let event = events[0]
        guard event.type == .put else {
            #expect(events.count == 1 && event.value.isEmpty, place)
            return
        }
        let words = event.value.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        try #require(words.count == 4, "revision \(update.revision): \(event.value); \(place)")
        let sequence = try #require(Int(words[2].string ?? ""), place)
        #expect(event.key == "w\(words[1])/\(sequence % 7)", place)
        #expect(words[3].count == sequence % 200 && words[3].allSatisfy { $0 == UInt8(ascii: "x") }, place)
        #expect(sequence % 11 != 0, place)
        // Every fifth is a transaction over two keys, of which one never comes without the other.
        #expect(events.count == (sequence % 5 == 0 ? 2 : 1), place)
        if events.count == 2 {
            #expect(events[1].key == "both/\(words[1])" && events[1].value == event.value, place)
        }
        follow("\(words[0])-\(words[1])", sequence, update.revision)
    }

    private mutating func follow(_ writer: Bytes, _ sequence: Int, _ revision: Revision) {
        if let last = sequences[writer] {
            // Every eleventh is a delete, which the key alone does not number.
            let next = (last + 1) % 11 == 0 ? last + 2 : last + 1
            #expect(sequence == next, "revision \(revision): \(sequence) of \(writer) after \(last); \(place)")
        }
        sequences[writer] = sequence
    }

    /// Compares all that `store` retains with `acknowledged`, the writes of the last `runs` runs on it, which began at
    /// revision `before`, and with what those before them can have written.
    static func verify(
        _ store: WatchStore, _ acknowledged: [Acknowledged], after before: Revision = 0, runs: Int = 1,
        _ place: Comment
    ) throws {
        var trace = WriterTrace(place)
        var made: [Revision: [WatchEvent]] = [:]
        var next: Revision? = store.earliest
        var expected = store.earliest
        while let revision = next {
            let page = try store.log(from: revision)
            for update in page.updates {
                #expect(update.revision == expected, place)
                expected += 1
                try trace.add(update)
                made[update.revision] = update.events
            }
            next = page.next
        }
        #expect(expected == store.head + 1 || store.head == 0, place)
        for write in acknowledged where write.revision >= store.earliest {
            let event = made[write.revision]?.first
            #expect(event?.key == write.key, "revision \(write.revision), \(place)")
            #expect(event?.type == (write.value == nil ? .delete : .put), "revision \(write.revision), \(place)")
            #expect(event?.value == write.value ?? Bytes(), "revision \(write.revision), \(place)")
        }
        // In each run a writer has at most one write that was made and not acknowledged.
        #expect(Set(acknowledged.map(\.revision)).count == acknowledged.count, place)
        #expect(store.head >= acknowledged.map(\.revision).max() ?? before, place)
        #expect(store.head <= before + Revision(acknowledged.count + runs * writers), place)
        #expect(try store.check(deep: true).problems == [], place)
    }
}
