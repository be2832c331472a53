import Changes
import Threads

/// Watchers by a key that they have in common: all of it, or its first bytes.
///
/// Not to be copied, since to count the references of its parts at each look-up would be much of what one takes.
struct WatcherTable: ~Copyable {
    private var index = KeyIndex()
    /// By the number that the index gave the key.
    private var lists: [WatcherList] = []
    /// For ``fetch(_:)``, kept for its memory.
    private var fetched: [Int] = []

    var isEmpty: Bool { lists.isEmpty }

    mutating func insert(_ watcher: Watcher, at key: Bytes) {
        let number = key.withUnsafeBytes { index.add($0, KeyIndex.hash($0)) }
        if number == lists.count { lists.append(WatcherList()) }
        lists[number].append(watcher)
    }

    mutating func remove(_ watcher: Watcher, at key: Bytes) {
        guard let number = index.find(key) else { return }
        lists[number].remove(watcher)
        guard lists[number].isEmpty else { return }
        index.remove(number)
        lists.swapAt(number, lists.count - 1)
        lists.removeLast()
    }

    /// Appends the watchers at `key`, whose hash is `hash`, to `matched`.
    func match(
        _ key: UnsafeRawBufferPointer, _ hash: UInt32, _ type: WatchEventType, _ matched: inout [Unmanaged<Watcher>]
    ) {
        guard let number = index.find(key, hash) else { return }
        lists.withUnsafeBufferPointer { WatcherList.match($0.baseAddress! + number, type, &matched) }
    }

    /// Has what matching keys with these hashes will touch fetched from memory, of each list the first watcher.
    mutating func fetch(_ hashes: [UInt32]) {
        fetched.removeAll(keepingCapacity: true)
        index.fetch(hashes, &fetched)
        lists.withUnsafeBufferPointer { lists in
            guard let lists = lists.baseAddress else { return }
            for number in fetched { prefetch(lists + number) }
            for number in fetched {
                if let first = WatcherList.first(lists + number) { prefetch(first.toOpaque()) }
            }
            for number in fetched { WatcherList.first(lists + number)?._withUnsafeGuaranteedRef { $0.fetch() } }
        }
    }

    /// Every watcher.
    var watchers: [Watcher] { lists.flatMap(\.watchers) }
}
