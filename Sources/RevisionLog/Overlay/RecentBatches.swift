import Changes

/// The batches since the last checkpoint, by revision, decoded. In chunks, so that a reader's snapshot makes the next
/// append copy one chunk and not the list.
struct RecentBatches {
    private static let chunkCount = 128

    private var full: [[ChangeBatch]] = []
    private var tail: [ChangeBatch] = []

    var first: Revision? { (full.first?.first ?? tail.first)?.firstRevision }

    /// Adds the next batch.
    mutating func append(_ batch: ChangeBatch) {
        tail.append(batch)
        if tail.count == Self.chunkCount {
            full.append(tail)
            tail = []
        }
    }

    /// Forgets the batches that end at or before `revision`.
    mutating func drop(through revision: Revision) {
        full.removeAll { $0.last!.lastRevision <= revision }
        if let first = full.first, first[0].lastRevision <= revision {
            full[0] = first.filter { $0.lastRevision > revision }
        }
        tail.removeAll { $0.lastRevision <= revision }
    }

    /// The batch that has `revision`, or nil.
    func batch(of revision: Revision) -> ChangeBatch? {
        guard let chunk = chunk(of: revision) else { return nil }
        let index = chunk.firstIndex { $0.lastRevision >= revision }
        return index.flatMap { chunk[$0].firstRevision <= revision ? chunk[$0] : nil }
    }

    /// Calls `body` with the batches that end at or after `revision`, in order, until it returns false.
    func forEach(from revision: Revision, _ body: (ChangeBatch) throws -> Bool) rethrows {
        for chunk in full where chunk.last!.lastRevision >= revision {
            for batch in chunk where batch.lastRevision >= revision {
                if try !body(batch) { return }
            }
        }
        for batch in tail where batch.lastRevision >= revision {
            if try !body(batch) { return }
        }
    }

    private func chunk(of revision: Revision) -> [ChangeBatch]? {
        if let last = tail.last, tail[0].firstRevision <= revision, revision <= last.lastRevision { return tail }
        var low = 0
        var high = full.count
        while low < high {
            let middle = (low + high) / 2
            if full[middle].last!.lastRevision < revision {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low < full.count ? full[low] : nil
    }
}
