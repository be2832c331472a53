import Changes
import Threads

/// Which watchers want a key. Belongs to the dispatcher.
///
/// The cost of a look-up does not depend on the watchers that do not match: exact keys are one hash, prefixes one hash
/// for each length that some watcher's prefix has, intervals a descent of a tree that visits what matches.
struct RoutingTable: ~Copyable {
    /// Those of one length.
    private final class Prefixes {
        let length: Int
        var table = WatcherTable()

        init(length: Int) { self.length = length }
    }

    private var exact = WatcherTable()
    /// By their length, ascending.
    private var prefixes: [Prefixes] = []
    private var intervals = IntervalTree()
    /// Of the first keys of the records last fetched.
    private var hashes: [UInt32] = []

    var isEmpty: Bool { exact.isEmpty && prefixes.isEmpty && intervals.isEmpty }

    /// Adds `watcher`; false if it is there already.
    mutating func insert(_ watcher: Watcher) -> Bool {
        guard watcher.position == nil else { return false }
        switch watcher.filter.keys {
        case .key(let key): exact.insert(watcher, at: key)
        case .prefix(let prefix):
            let place = prefixes.firstIndex { $0.length >= prefix.count } ?? prefixes.count
            if place == prefixes.count || prefixes[place].length > prefix.count {
                prefixes.insert(Prefixes(length: prefix.count), at: place)
            }
            prefixes[place].table.insert(watcher, at: prefix)
        case .range(let lower, let upper): intervals.insert(watcher, lower: lower, upper: upper)
        case .from(let lower): intervals.insert(watcher, lower: lower, upper: nil)
        }
        return true
    }

    /// Removes `watcher`; false if it is not there.
    mutating func remove(_ watcher: Watcher) -> Bool {
        guard watcher.position != nil else { return false }
        switch watcher.filter.keys {
        case .key(let key): exact.remove(watcher, at: key)
        case .prefix(let prefix):
            guard let place = prefixes.firstIndex(where: { $0.length == prefix.count }) else { return false }
            prefixes[place].table.remove(watcher, at: prefix)
            if prefixes[place].table.isEmpty { prefixes.remove(at: place) }
        case .range(let lower, let upper): intervals.remove(watcher, lower: lower, upper: upper)
        case .from(let lower): intervals.remove(watcher, lower: lower, upper: nil)
        }
        return true
    }

    /// Has what matching these records will touch fetched from memory, as far as watchers of one key are concerned: of each
    /// record the first change.
    mutating func fetch(_ records: [EventQueue.Popped]) {
        hashes.removeAll(keepingCapacity: true)
        if exact.isEmpty || records.count == 1 { return }
        for next in records { prefetch(UnsafeRawPointer(next.batch.toOpaque())) }
        for next in records { next.batch._withUnsafeGuaranteedRef { $0.fetch() } }
        for next in records {
            let hash = next.batch._withUnsafeGuaranteedRef { batch in
                // Who announces what they made themselves may have made no change at all.
                let changes = batch.entryIndices(ofRecord: Int(next.record))
                return changes.isEmpty ? 0 : KeyIndex.hash(batch.pointer(toKey: changes.lowerBound))
            }
            hashes.append(hash)
        }
        exact.fetch(hashes)
    }

    /// The hash of the first key of the record at `index` among those last fetched, if it was worked out then.
    func hash(ofFetched index: Int) -> UInt32? { index < hashes.count ? hashes[index] : nil }

    /// Appends each watcher that wants one or more of the changes of this record of `batch` to `matched`, which is empty,
    /// once. They are there until the table is changed.
    ///
    /// `hash` is that of the first key, if it is known.
    ///
    /// References that nobody counts, here and on the way: to count them would be much of what a delivery takes.
    func match(_ batch: ChangeBatch, _ record: Int32, hash: UInt32?, _ matched: inout [Unmanaged<Watcher>]) {
        let changes = batch.entryIndices(ofRecord: Int(record))
        var hash = hash
        for change in changes { match(batch, change: change, hash.take(), &matched) }
        guard changes.count > 1, matched.count > 1 else { return }
        var seen: Set<UnsafeMutableRawPointer> = []
        matched.removeAll { !seen.insert($0.toOpaque()).inserted }
    }

    private func match(_ batch: ChangeBatch, change: Int, _ hash: UInt32?, _ matched: inout [Unmanaged<Watcher>]) {
        let type = batch.entries[change].type
        let key = batch.pointer(toKey: change)
        if !exact.isEmpty { exact.match(key, hash ?? KeyIndex.hash(key), type, &matched) }
        for prefixes in prefixes {
            guard prefixes.length <= key.count else { break }
            let start = UnsafeRawBufferPointer(rebasing: key[..<prefixes.length])
            prefixes.table.match(start, KeyIndex.hash(start), type, &matched)
        }
        if !intervals.isEmpty { intervals.match(batch.key(change), type, &matched) }
    }

    /// Every watcher.
    var watchers: [Watcher] {
        exact.watchers + prefixes.flatMap { $0.table.watchers } + intervals.lists.flatMap(\.watchers)
    }
}
