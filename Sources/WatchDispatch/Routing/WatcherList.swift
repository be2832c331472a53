/// Watchers that want the same keys. Each knows its place, so that removing one does not search for it.
struct WatcherList {
    private(set) var watchers: [Watcher] = []

    var isEmpty: Bool { watchers.isEmpty }

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
