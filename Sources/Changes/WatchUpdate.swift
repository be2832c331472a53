/// All changes of one revision, or of those the ones that a watch asked for. Never a part of them, so a reader that
/// applies whole updates goes from one consistent state to the next.
///
/// An update is a reference into a ``ChangeBatch``; events are made as they are read.
///
/// ```swift
/// for event in update {
///     print(event.revision, event.type, event.key, event.value)
/// }
/// ```
public struct WatchUpdate: Sendable {
    @usableFromInline package let batch: ChangeBatch
    @usableFromInline package let record: Int32
    /// Which of the revision's changes are part of the update; nil for all of them.
    @usableFromInline package let filter: WatchFilter?
    /// For each entry of the record what its key held before; nil if that was not asked for.
    @usableFromInline package var previous: [KeyValue?]?

    @inlinable
    package init(batch: ChangeBatch, record: Int, filter: WatchFilter? = nil) {
        self.batch = batch
        self.record = Int32(record)
        self.filter = filter
    }

    /// One revision made of `events` (at least one), for a state machine that has no store.
    ///
    /// ```swift
    /// registry.notify(WatchUpdate(revision: 7, events: [WatchEvent(type: .put, key: "a", value: "1", revision: 7)]))
    /// ```
    public init(revision: Revision, events: [WatchEvent]) {
        // The batch of an event that was made by itself is what is wanted.
        if events.count == 1, events[0].revision == revision, events[0].batch.entries.count == 1 {
            self.init(batch: events[0].batch, record: Int(events[0].record))
        } else {
            self.init(batch: ChangeBatch(revision: revision, events: events), record: 0)
        }
    }

    /// The revision that made the changes.
    @inlinable public var revision: Revision { batch.firstRevision + Int64(record) }

    /// When it was committed, in milliseconds since 1970 (UTC).
    public var commitMilliseconds: Int64 { batch.commitTime(ofRecord: Int(record)) }

    /// The batch, with the reference that the update had.
    @inlinable
    package consuming func takeBatch() -> ChangeBatch { batch }

    /// The event that entry `index` of the batch stands for.
    @inlinable
    func event(_ index: Int) -> WatchEvent {
        WatchEvent(batch, record: record, index: index, previous: previous?[index - first])
    }

    @inlinable var first: Int { Int(batch.recordStarts[Int(record)]) }
}

extension WatchUpdate: Sequence {
    /// Walks the events in the order in which the transaction made them.
    public struct Iterator: IteratorProtocol {
        @usableFromInline let update: WatchUpdate
        @usableFromInline var remaining: Range<Int>

        @inlinable
        init(update: WatchUpdate, remaining: Range<Int>) {
            self.update = update
            self.remaining = remaining
        }

        @inlinable
        public mutating func next() -> WatchEvent? {
            while let index = remaining.popFirst() {
                if let filter = update.filter, !filter.matches(update.batch, index) { continue }
                return update.event(index)
            }
            return nil
        }
    }

    // Consuming, so that whoever reads an update once copies no references.
    @inlinable
    public consuming func makeIterator() -> Iterator {
        let entries = batch.entryIndices(ofRecord: Int(record))
        return Iterator(update: self, remaining: entries)
    }

    /// The events as an array.
    public var events: [WatchEvent] { Array(self) }
}

extension WatchUpdate: CustomStringConvertible {
    /// The revision, and what it did to which keys.
    public var description: String {
        "revision \(revision): " + map { "\($0.type) \($0.key)" }.joined(separator: ", ")
    }
}
