package import Changes

/// Updates that were read from the log, in order. They are kept as the stretches of batches that they are, so that most
/// cost nothing until they are taken.
package struct ReplayedUpdates: Sendable {
    /// Consecutive records of a batch.
    private struct Stretch: Sendable {
        let batch: ChangeBatch
        var records: Range<Int>
    }

    /// Through which they are seen; it wants some of each.
    let filter: WatchFilter?
    private var stretches: [Stretch] = []
    /// The first stretch that is not taken.
    private var next = 0
    /// How many there are.
    package private(set) var count = 0

    package init(filter: WatchFilter? = nil) {
        self.filter = filter
    }

    package var isEmpty: Bool { count == 0 }

    /// The first, which stays.
    package var first: WatchUpdate? {
        isEmpty
            ? nil : stretches[next].batch.update(ofRecord: stretches[next].records.lowerBound, through: filter)
    }

    mutating func append(_ batch: ChangeBatch, record: Int) { append(batch, records: record..<record + 1) }

    mutating func append(_ batch: ChangeBatch, records: Range<Int>) {
        guard !records.isEmpty else { return }
        count += records.count
        let last = stretches.count - 1
        if last >= next, stretches[last].batch === batch, stretches[last].records.upperBound == records.lowerBound {
            stretches[last].records = stretches[last].records.lowerBound..<records.upperBound
        } else {
            stretches.append(Stretch(batch: batch, records: records))
        }
    }

    /// Takes the first away.
    package mutating func popFirst() -> WatchUpdate? {
        guard let update = first else { return nil }
        count -= 1
        let records = stretches[next].records
        if records.count > 1 {
            stretches[next].records = records.dropFirst()
        } else {
            next += 1
        }
        return update
    }
}

extension ReplayedUpdates: Sequence {
    package struct Iterator: IteratorProtocol {
        fileprivate var updates: ReplayedUpdates

        package mutating func next() -> WatchUpdate? { updates.popFirst() }
    }

    package func makeIterator() -> Iterator { Iterator(updates: self) }
}
