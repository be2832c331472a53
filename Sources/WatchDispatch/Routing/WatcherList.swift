/// Watchers that want the same keys. Each knows its place, so that removing one does not search for it.
struct WatcherList {
    private(set) var watchers: [Watcher] = []

    var isEmpty: Bool { watchers.isEmpty }

    /// Calls `body` with each watcher, without counting a reference up and down for it, which would be a third of what a
    /// delivery costs. What a delivery to the next ones touches is fetched from memory meanwhile.
    ///
    /// Sound since an unmanaged reference has the layout of a strong one, and nothing changes the list meanwhile: it
    /// belongs to the dispatcher, which is busy here.
    func visit(_ body: (Watcher) -> Void) {
        watchers.withUnsafeBufferPointer { watchers in
            guard let first = watchers.baseAddress else { return }
            first.withMemoryRebound(to: Unmanaged<Watcher>.self, capacity: watchers.count) { references in
                for index in 0..<watchers.count {
                    if index + Limits.fetchedAhead < watchers.count {
                        references[index + Limits.fetchedAhead]._withUnsafeGuaranteedRef { $0.fetch() }
                    }
                    references[index]._withUnsafeGuaranteedRef { body($0) }
                }
            }
        }
    }

    mutating func append(_ watcher: Watcher) {
        watcher.position = watchers.count
        watchers.append(watcher)
    }

    mutating func remove(_ watcher: Watcher) {
        guard let position = watcher.position else { return }
        let last = watchers.removeLast()
        if last !== watcher {
            watchers[position] = last
            last.position = position
        }
        watcher.position = nil
    }
}
