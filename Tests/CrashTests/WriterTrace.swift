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
    private var sequences: [String: Int] = [:]
    /// What was found to be wrong.
    private(set) var problems: [String] = []

    private mutating func require(_ holds: Bool, _ revision: Revision, _ what: @autoclosure () -> String) {
        if !holds { problems.append("revision \(revision): \(what())") }
    }

    /// Takes the next revision.
    mutating func add(_ update: WatchUpdate) {
        let (revision, events) = (update.revision, update.events)
        let event = events[0]
        guard event.type == .put else {
            return require(events.count == 1 && event.value.isEmpty, revision, "a delete with \(events)")
        }
        let words = (event.value.string ?? "").split(separator: "-", omittingEmptySubsequences: false)
        guard words.count == 4, let sequence = Int(words[2]) else {
            return require(false, revision, "\(event.value) was not written")
        }
        require(event.key == Bytes("w\(words[1])/\(sequence % 7)"), revision, "\(event.value) in \(event.key)")
        let isWhole = words[3] == String(repeating: "x", count: sequence % 200)
        require(isWhole && sequence % 11 != 0, revision, "\(event.value) was not written")
        // Every fifth is a transaction over two keys, of which one never comes without the other.
        require(events.count == (sequence % 5 == 0 ? 2 : 1), revision, "\(events.count) changes of \(event.value)")
        if events.count == 2 {
            let isOther = events[1].key == Bytes("both/\(words[1])") && events[1].value == event.value
            require(isOther, revision, "\(events[1].key) = \(events[1].value) beside \(event.value)")
        }
        follow("\(words[0])-\(words[1])", sequence, revision)
    }

    private mutating func follow(_ writer: String, _ sequence: Int, _ revision: Revision) {
        if let last = sequences[writer] {
            // Every eleventh is a delete, which the key alone does not number.
            let next = (last + 1) % 11 == 0 ? last + 2 : last + 1
            require(sequence == next, revision, "\(sequence) of \(writer) after \(last)")
        }
        sequences[writer] = sequence
    }

    /// Compares all that `store` retains with `acknowledged`, the writes of the last `runs` runs on it, which began at
    /// revision `before`, and with what those before them can have written.
    static func verify(
        _ store: WatchStore, _ acknowledged: [Acknowledged], after before: Revision = 0, runs: Int = 1,
        _ place: Comment
    ) throws {
        #expect(try problems(store, acknowledged, after: before, runs: runs) == [], place)
    }

    /// The same, as a list of what is wrong. As many as `others` may have been made besides.
    static func problems(
        _ store: WatchStore, _ acknowledged: [Acknowledged], after before: Revision = 0, runs: Int = 1, others: Int = 0
    ) throws -> [String] {
        var trace = WriterTrace()
        var made: [Revision: [WatchEvent]] = [:]
        var next: Revision? = store.earliest
        var expected = store.earliest
        while let revision = next {
            let page = try store.log(from: revision)
            for update in page.updates {
                trace.require(update.revision == expected, update.revision, "comes where \(expected) should")
                expected += 1
                trace.add(update)
                made[update.revision] = update.events
            }
            next = page.next
        }
        let head = store.head
        trace.require(expected == head + 1 || head == 0, head, "is the head, but the log ends before \(expected)")
        for write in acknowledged where write.revision >= store.earliest {
            let event = made[write.revision]?.first
            let isThere =
                event?.key == write.key && event?.type == (write.value == nil ? .delete : .put)
                && event?.value == write.value ?? Bytes()
            trace.require(isThere, write.revision, "\(write) was acknowledged; there is \(event as Any)")
        }
        // In each run a writer has at most one write that was made and not acknowledged.
        let newest = acknowledged.map(\.revision).max() ?? before
        trace.require(Set(acknowledged.map(\.revision)).count == acknowledged.count, newest, "acknowledged twice")
        trace.require(head >= newest, head, "is the head, though \(newest) was acknowledged")
        let most = before + Revision(acknowledged.count + others + runs * writers)
        trace.require(head <= most, head, "is the head, though only \(most) can have been made")
        return trace.problems + (try store.check(deep: true).problems.map(\.description))
    }
}
