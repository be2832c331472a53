import Changes

/// The newest version of each key that a stretch of recent commits touched, sorted by key and immutable.
///
/// The overlay is a short list of runs, merged like the levels of a log-structured tree: each commit adds a small run,
/// and a run that has grown nearly as large as the one before it is merged with it, while both are not so large that
/// writers would have to wait for it. So a write costs a few merges however large the overlay is, and a reader's snapshot
/// is a copy of the list.
final class OverlayRun: Sendable {
    /// One key: where its newest version stands, and a part of the key that decides most comparisons.
    struct Entry: BitwiseCopyable, Sendable {
        /// The eight bytes of the key that follow the run's stem, big-endian, zeros beyond its end.
        var prefix: UInt64
        /// Index into the run's batches.
        var batch: UInt32
        /// Index into the batch's entries.
        var index: UInt32
    }

    let entries: [Entry]
    let batches: [ChangeBatch]
    private let shape: KeyShape

    /// The run of one batch.
    convenience init(_ batch: ChangeBatch) {
        self.init([batch])
    }

    /// The run of some batches, oldest first.
    convenience init(_ batches: [ChangeBatch]) {
        self.init(count: batches.count) { batches[$0] }
    }

    /// The run of `count` batches, oldest first, of which `batch` makes each, the newest first. What is made is gone through
    /// while it is in the processor's cache.
    init<E>(count: Int, batch: (Int) throws(E) -> ChangeBatch) throws(E) {
        var gathered = GatheredEntries()
        for number in (0..<count).reversed() { gathered.add(try batch(number), UInt32(number)) }
        let (all, batches, shape) = gathered.finish()
        self.batches = batches
        self.shape = shape
        guard all.count > 1 else {
            entries = all
            return
        }
        let sorted = Self.sorted(all, batches, shape)
        // Of those of one key the newest, which comes first, is kept.
        var newest: [Entry] = []
        newest.reserveCapacity(sorted.count)
        for entry in sorted {
            if let last = newest.last, last.prefix == entry.prefix,
                shape.isDecidedByPrefix || Self.compare(last, batches, entry, batches) == 0
            {
                continue
            }
            newest.append(entry)
        }
        entries = newest
    }

    /// Sorted by key and, for one key, newest first, as `entries` are.
    private static func sorted(_ entries: [Entry], _ batches: [ChangeBatch], _ shape: KeyShape) -> [Entry] {
        func isBefore(_ a: Entry, _ b: Entry) -> Bool {
            let order = compare(a, batches, b, batches)
            return order == 0 ? (a.batch, a.index) > (b.batch, b.index) : order < 0
        }
        guard entries.count >= Limits.radixEntries else { return entries.sorted(by: isBefore) }
        var sorted = sortedByPrefix(entries)
        if shape.isDecidedByPrefix { return sorted }
        // Where prefixes are equal the rest of the keys decides.
        var start = 0
        while start < sorted.count {
            var end = start + 1
            while end < sorted.count, sorted[end].prefix == sorted[start].prefix { end += 1 }
            if end - start > 1 { sorted[start..<end].sort(by: isBefore) }
            start = end
        }
        return sorted
    }

    /// One run with the keys of both; where both have one, `newer` wins.
    init(older: OverlayRun, newer: OverlayRun) {
        shape = KeyShape.joined(older.shape, newer.shape, stem: Self.commonStem(older, newer))
        let isDecided = shape.isDecidedByPrefix
        let newest = merged(
            older.entries(after: shape.stem), newer.entries(after: shape.stem), shift: UInt32(older.batches.count)
        ) { isDecided ? 0 : Self.compare($0, older.batches, $1, newer.batches) }
        let all = older.batches + newer.batches
        // Or keys that change again and again would make each merge cost as much as all of their changes.
        let isLoose = all.count > Limits.batchesPerKey * newest.count
        (entries, batches) = isLoose ? Self.needed(newest, of: all) : (newest, all)
    }

    /// The entries with those of `batches` alone that they need.
    private static func needed(_ entries: [Entry], of batches: [ChangeBatch]) -> ([Entry], [ChangeBatch]) {
        var isNeeded = [Bool](repeating: false, count: batches.count)
        for entry in entries { isNeeded[Int(entry.batch)] = true }
        var numbers = [UInt32](repeating: 0, count: batches.count)
        var kept: [ChangeBatch] = []
        for number in batches.indices where isNeeded[number] {
            numbers[number] = UInt32(kept.count)
            kept.append(batches[number])
        }
        let renumbered = entries.map { entry in
            var entry = entry
            entry.batch = numbers[Int(entry.batch)]
            return entry
        }
        return (renumbered, kept)
    }

    /// What the smallest and the greatest key of both have in common all between them have too.
    private static func commonStem(_ a: OverlayRun, _ b: OverlayRun) -> Int {
        let shared = a.withKey(0) { first in b.withKey(0) { commonPrefix(first, $0) } }
        return min(shared, a.shape.stem, b.shape.stem)
    }

    /// The entries with prefixes of what follows `stem` bytes.
    private func entries(after stem: Int) -> [Entry] {
        if stem == shape.stem { return entries }
        return entries.map { entry in
            var entry = entry
            entry.prefix = batches[Int(entry.batch)].withKey(Int(entry.index)) { Self.prefix($0, after: stem) }
            return entry
        }
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

    private func withKey<R>(_ position: Int, _ body: (UnsafeRawBufferPointer) -> R) -> R {
        batch(position).withKey(Int(entries[position].index), body)
    }

    /// The position of the first key that is not less than `key`.
    func lowerBound(_ key: UnsafeRawBufferPointer) -> Int {
        let order = withKey(0) { first in
            compareBytes(.init(rebasing: key.prefix(shape.stem)), .init(rebasing: first.prefix(shape.stem)))
        }
        if order != 0 { return order < 0 ? 0 : entries.count }
        let prefix = Self.prefix(key, after: shape.stem)
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
        guard position < entries.count, withKey(position, { compareBytes($0, key) }) == 0 else { return nil }
        return position
    }

    private func compare(_ position: Int, _ prefix: UInt64, _ key: UnsafeRawBufferPointer) -> Int {
        let entry = entries[position]
        if entry.prefix != prefix { return entry.prefix < prefix ? -1 : 1 }
        return withKey(position) { compareBytes($0, key) }
    }

    private static func compare(_ a: Entry, _ aBatches: [ChangeBatch], _ b: Entry, _ bBatches: [ChangeBatch]) -> Int {
        if a.prefix != b.prefix { return a.prefix < b.prefix ? -1 : 1 }
        return compare(a, aBatches[Int(a.batch)], b, bBatches[Int(b.batch)])
    }

    private static func compare(_ a: Entry, _ aBatch: ChangeBatch, _ b: Entry, _ bBatch: ChangeBatch) -> Int {
        if a.prefix != b.prefix { return a.prefix < b.prefix ? -1 : 1 }
        return aBatch.withKey(Int(a.index)) { aKey in
            bBatch.withKey(Int(b.index)) { compareBytes(aKey, $0) }
        }
    }

    fileprivate static func prefix(_ key: UnsafeRawBufferPointer, after stem: Int) -> UInt64 {
        if key.count >= stem + 8 { return UInt64(bigEndian: key.loadUnaligned(fromByteOffset: stem, as: UInt64.self)) }
        return key.dropFirst(stem).enumerated().reduce(0) { $0 | UInt64($1.element) << UInt64(56 - 8 * $1.offset) }
    }
}

/// All entries of some batches, newest first, and what their keys have in common.
private struct GatheredEntries {
    private var entries: [OverlayRun.Entry] = []
    /// The newest first.
    private var batches: [ChangeBatch] = []
    private var shape: KeyShape?
    /// So many entries have prefixes of what follows a longer stem.
    private var outdated = 0

    /// Adds a batch that is older than those before; it will have this number.
    mutating func add(_ batch: ChangeBatch, _ number: UInt32) {
        batches.append(batch)
        // Once for the stem and once for the prefixes, which follow it.
        let shape = batches[0].withKey(0) { first in
            var shape = self.shape ?? KeyShape(first)
            for index in batch.entries.indices { batch.withKey(index) { shape.add($0, first) } }
            return shape
        }
        if let before = self.shape, shape.stem < before.stem { outdated = entries.count }
        self.shape = shape
        for index in batch.entries.indices.reversed() {
            let prefix = batch.withKey(index) { OverlayRun.prefix($0, after: shape.stem) }
            entries.append(OverlayRun.Entry(prefix: prefix, batch: number, index: UInt32(index)))
        }
    }

    /// There must be a batch.
    consuming func finish() -> ([OverlayRun.Entry], [ChangeBatch], KeyShape) {
        let shape = shape!
        var (entries, batches) = (entries, batches)
        batches.reverse()
        for position in 0..<outdated {
            let entry = entries[position]
            entries[position].prefix = batches[Int(entry.batch)].withKey(Int(entry.index)) {
                OverlayRun.prefix($0, after: shape.stem)
            }
        }
        return (entries, batches, shape)
    }
}

extension Array where Element == OverlayRun {
    /// These and the newest run, which is merged with those before it that are not much larger.
    func adding(_ run: OverlayRun) -> [OverlayRun] {
        var runs = self
        var newest = run
        while let before = runs.last, before.entries.count < 2 * newest.entries.count,
            before.entries.count + newest.entries.count <= Limits.mergedEntries
        {
            newest = OverlayRun(older: before, newer: newest)
            runs.removeLast()
        }
        runs.append(newest)
        return runs
    }

    /// One run with what all of them have; nil if there are none. Calls `pause` before each merge.
    func merged(_ pause: () -> Void = {}) -> OverlayRun? {
        var runs = self
        while runs.count > 1 {
            pause()
            // The two neighbours that are smallest together: so each key is moved few times.
            let sizes = zip(runs, runs.dropFirst()).map { $0.entries.count + $1.entries.count }
            let newer = sizes.indices.min { sizes[$0] < sizes[$1] }! + 1
            runs[newer - 1] = OverlayRun(older: runs[newer - 1], newer: runs[newer])
            runs.remove(at: newer)
        }
        return runs.first
    }
}
