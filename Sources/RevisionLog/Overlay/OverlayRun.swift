import Changes

/// The newest version of each key that a stretch of recent commits touched, sorted by key and immutable.
///
/// The overlay is a short list of runs, merged like the levels of a log-structured tree: each commit adds a small run,
/// and a run that has grown nearly as large as the one before it is merged with it. So a write costs a few merges
/// however large the overlay is, and a reader's snapshot is a copy of the list.
final class OverlayRun: Sendable {
    /// One key: where its newest version stands, and the beginning of the key, which decides most comparisons.
    struct Entry: BitwiseCopyable, Sendable {
        /// The first eight bytes of the key, big-endian, zeros beyond its end.
        var prefix: UInt64
        /// Index into the run's batches.
        var batch: UInt32
        /// Index into the batch's entries.
        var index: UInt32
    }

    let entries: [Entry]
    let batches: [ChangeBatch]

    private init(entries: [Entry], batches: [ChangeBatch]) {
        self.entries = entries
        self.batches = batches
    }

    /// The run of one batch.
    init(_ batch: ChangeBatch) {
        let all = (0..<batch.entries.count).map { index in
            Entry(prefix: batch.withKey(index, Self.prefix), batch: 0, index: UInt32(index))
        }
        batches = [batch]
        guard all.count > 1 else {
            entries = all
            return
        }
        // Sorted by key and, for one key, newest first; of these the first is kept.
        let sorted = all.sorted { a, b in
            let order = Self.compare(a, batch, b, batch)
            return order == 0 ? a.index > b.index : order < 0
        }
        var newest: [Entry] = []
        newest.reserveCapacity(sorted.count)
        for entry in sorted {
            if let last = newest.last, Self.compare(last, batch, entry, batch) == 0 { continue }
            newest.append(entry)
        }
        entries = newest
    }

    /// One run with the keys of both; where both have one, `newer` wins.
    init(older: OverlayRun, newer: OverlayRun) {
        var merged: [Entry] = []
        merged.reserveCapacity(older.entries.count + newer.entries.count)
        let shift = UInt32(older.batches.count)
        var left = 0
        var right = 0
        while left < older.entries.count || right < newer.entries.count {
            let order: Int
            if right == newer.entries.count {
                order = -1
            } else if left == older.entries.count {
                order = 1
            } else {
                order = Self.compare(
                    older.entries[left], older.batch(left), newer.entries[right], newer.batch(right))
            }
            if order < 0 {
                merged.append(older.entries[left])
                left += 1
            } else {
                var entry = newer.entries[right]
                entry.batch += shift
                merged.append(entry)
                right += 1
                if order == 0 { left += 1 }
            }
        }
        entries = merged
        batches = older.batches + newer.batches
    }

    func batch(_ position: Int) -> ChangeBatch {
        batches[Int(entries[position].batch)]
    }

    func key(_ position: Int) -> Bytes {
        batch(position).key(Int(entries[position].index))
    }

    func version(_ position: Int) -> KeyVersion {
        KeyVersion(batch(position), Int(entries[position].index))
    }

    /// The position of the first key that is not less than `key`.
    func lowerBound(_ key: UnsafeRawBufferPointer) -> Int {
        let prefix = Self.prefix(key)
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if compare(middle, prefix, key) < 0 { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The position of `key`, or nil.
    func find(_ key: UnsafeRawBufferPointer) -> Int? {
        let position = lowerBound(key)
        guard position < entries.count, compare(position, Self.prefix(key), key) == 0 else { return nil }
        return position
    }

    private func compare(_ position: Int, _ prefix: UInt64, _ key: UnsafeRawBufferPointer) -> Int {
        let entry = entries[position]
        if entry.prefix != prefix { return entry.prefix < prefix ? -1 : 1 }
        return batch(position).withKey(Int(entry.index)) { compareBytes($0, key) }
    }

    private static func compare(_ a: Entry, _ aBatch: ChangeBatch, _ b: Entry, _ bBatch: ChangeBatch) -> Int {
        if a.prefix != b.prefix { return a.prefix < b.prefix ? -1 : 1 }
        return aBatch.withKey(Int(a.index)) { aKey in
            bBatch.withKey(Int(b.index)) { compareBytes(aKey, $0) }
        }
    }

    private static func prefix(_ key: UnsafeRawBufferPointer) -> UInt64 {
        if key.count >= 8 { return UInt64(bigEndian: key.loadUnaligned(as: UInt64.self)) }
        return key.enumerated().reduce(0) { $0 | UInt64($1.element) << UInt64(56 - 8 * $1.offset) }
    }
}

extension Array where Element == OverlayRun {
    /// Adds the newest run, merging it with those before it that are not much larger.
    mutating func add(_ run: OverlayRun) {
        var newest = run
        while let before = last, before.entries.count < 2 * newest.entries.count {
            newest = OverlayRun(older: before, newer: newest)
            removeLast()
        }
        append(newest)
    }
}
