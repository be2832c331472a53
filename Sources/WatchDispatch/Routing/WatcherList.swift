import Changes

/// Watchers that want the same keys. Each knows its place, so that removing one does not search for it.
struct WatcherList {
    /// The watcher of place 0. Most lists have one, for which an array would be one more place in memory.
    private var first: Watcher?
    /// Those of the places from 1 on.
    private var others: [Watcher] = []
    /// How many of `others` do not want every type of change.
    private var selective = 0

    var isEmpty: Bool { first == nil }

    var watchers: [Watcher] { first.map { [$0] + others } ?? [] }

    // What is asked of a list in place counts no references, which would be much of what dispatching takes. Sound since an
    // unmanaged reference has the layout of a strong one, and whoever has a pointer to a list keeps it.

    /// The first watcher.
    static func first(_ list: UnsafePointer<Self>) -> Unmanaged<Watcher>? {
        list.pointer(to: \.first)!.withMemoryRebound(to: Unmanaged<Watcher>?.self, capacity: 1) { $0.pointee }
    }

    /// Appends those that want this type of change to `matched`.
    static func match(_ list: UnsafePointer<Self>, _ type: WatchEventType, _ matched: inout [Unmanaged<Watcher>]) {
        if let first = first(list), first.wants(type) { matched.append(first) }
        if list.pointee.others.isEmpty { return }
        list.pointee.others.withUnsafeBufferPointer { watchers in
            watchers.withMemoryRebound(to: Unmanaged<Watcher>.self) { watchers in
                if list.pointee.selective == 0 {
                    matched.append(contentsOf: watchers)
                } else {
                    for watcher in watchers where watcher.wants(type) { matched.append(watcher) }
                }
            }
        }
    }

    mutating func append(_ watcher: Watcher) {
        if first == nil {
            watcher.position = 0
            first = watcher
        } else {
            others.append(watcher)
            if watcher.isSelective { selective += 1 }
            watcher.position = others.count
        }
    }

    mutating func remove(_ watcher: Watcher) {
        guard let position = watcher.position else { return }
        if position > 0, watcher.isSelective { selective -= 1 }
        let last = others.popLast()
        if let last, last !== watcher {
            if position == 0 {
                first = last
                if last.isSelective { selective -= 1 }
            } else {
                others[position - 1] = last
            }
            last.position = position
        } else if position == 0 {
            first = nil
        }
        watcher.position = nil
    }
}

extension Watcher {
    fileprivate var isSelective: Bool { types != .all }
}

extension Unmanaged<Watcher> {
    fileprivate func wants(_ type: WatchEventType) -> Bool { _withUnsafeGuaranteedRef { $0.types.contains(type) } }
}
