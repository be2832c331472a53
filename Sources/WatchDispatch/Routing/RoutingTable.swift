import Changes

/// Which watchers want a key. Belongs to the dispatcher.
///
/// The cost of a look-up does not depend on the watchers that do not match: exact keys are one hash, prefixes one hash
/// for each length that some watcher's prefix has, intervals a descent of a tree that visits what matches.
struct RoutingTable: ~Copyable {
    private var exact: [Bytes: WatcherList] = [:]
    /// By length of the prefix.
    private var prefixes: [Int: [Bytes: WatcherList]] = [:]
    private var prefixLengths: [Int] = []
    private var intervals = IntervalTree()

    var isEmpty: Bool { exact.isEmpty && prefixes.isEmpty && intervals.isEmpty }

    /// Adds `watcher`; false if it is there already.
    mutating func insert(_ watcher: Watcher) -> Bool {
        guard watcher.position == nil else { return false }
        switch watcher.filter.keys {
        case .key(let key):
            exact[key, default: WatcherList()].append(watcher)
        case .prefix(let prefix):
            if prefixes[prefix.count] == nil {
                prefixLengths.append(prefix.count)
                prefixLengths.sort()
            }
            prefixes[prefix.count, default: [:]][prefix, default: WatcherList()].append(watcher)
        case .range(let lower, let upper):
            intervals.insert(watcher, lower: lower, upper: upper)
        case .from(let lower):
            intervals.insert(watcher, lower: lower, upper: nil)
        }
        return true
    }

    /// Removes `watcher`; false if it is not there.
    mutating func remove(_ watcher: Watcher) -> Bool {
        guard watcher.position != nil else { return false }
        switch watcher.filter.keys {
        case .key(let key):
            exact[key]?.remove(watcher)
            if exact[key]?.isEmpty == true { exact[key] = nil }
        case .prefix(let prefix):
            removePrefix(prefix, watcher)
        case .range(let lower, let upper):
            intervals.remove(watcher, lower: lower, upper: upper)
        case .from(let lower):
            intervals.remove(watcher, lower: lower, upper: nil)
        }
        return true
    }

    private mutating func removePrefix(_ prefix: Bytes, _ watcher: Watcher) {
        prefixes[prefix.count]?[prefix]?.remove(watcher)
        if prefixes[prefix.count]?[prefix]?.isEmpty == true { prefixes[prefix.count]?[prefix] = nil }
        if prefixes[prefix.count]?.isEmpty == true {
            prefixes[prefix.count] = nil
            prefixLengths.removeAll { $0 == prefix.count }
        }
    }

    /// Calls `body` once with each watcher that wants one or more of the changes of `update`.
    func match(_ update: WatchUpdate, _ body: (Watcher) -> Void) {
        let batch = update.batch
        let indices = batch.entryIndices(ofRecord: Int(update.record))
        if indices.count == 1 {
            match(batch, indices.lowerBound, body)
            return
        }
        var matched: Set<ObjectIdentifier> = []
        for index in indices {
            match(batch, index) { watcher in
                if matched.insert(ObjectIdentifier(watcher)).inserted { body(watcher) }
            }
        }
    }

    private func match(_ batch: ChangeBatch, _ index: Int, _ body: (Watcher) -> Void) {
        let type = batch.entries[index].type
        let key = batch.key(index)
        func offer(_ list: WatcherList) {
            list.visit { if $0.types.contains(type) { body($0) } }
        }
        if let list = exact[key] { offer(list) }
        for length in prefixLengths {
            guard length <= key.count else { break }
            if let list = prefixes[length]?[key[0..<length]] { offer(list) }
        }
        if !intervals.isEmpty { intervals.match(key, offer) }
    }

    /// Every watcher.
    var watchers: [Watcher] {
        var lists = Array(exact.values)
        for table in prefixes.values { lists += table.values }
        return (lists + intervals.lists).flatMap(\.watchers)
    }
}
