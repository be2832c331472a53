import Changes

/// Intervals of keys and who watches them, for asking which contain a key.
///
/// A treap ordered by lower bound (a binary search tree that random priorities keep balanced), in which each node knows
/// the greatest upper bound below it, so that a search leaves out what ends before the key.
struct IntervalTree: ~Copyable {
    private final class Node {
        let lower: Bytes
        /// nil: nothing bounds it.
        let upper: Bytes?
        let priority = UInt64.random(in: 0 ... .max)
        var list = WatcherList()
        var left: Node?
        var right: Node?
        /// The greatest upper bound in this subtree.
        var greatest: Bytes?

        init(lower: Bytes, upper: Bytes?) {
            self.lower = lower
            self.upper = upper
            greatest = upper
        }

        func update() {
            greatest = upper
            for child in [left, right] {
                guard let child, let mine = greatest else { continue }
                greatest = child.greatest.map { max($0, mine) }
            }
        }

        /// Negative if the interval (`lower`, `upper`) comes before this one, 0 if it is this one.
        func order(_ lower: Bytes, _ upper: Bytes?) -> Int {
            if lower != self.lower { return lower < self.lower ? -1 : 1 }
            switch (upper, self.upper) {
            case (nil, nil): return 0
            case (nil, _): return 1
            case (_, nil): return -1
            case (let a?, let b?): return a == b ? 0 : a < b ? -1 : 1
            }
        }
    }

    private var root: Node?

    var isEmpty: Bool { root == nil }

    mutating func insert(_ watcher: Watcher, lower: Bytes, upper: Bytes?) {
        if let node = find(lower, upper) {
            node.list.append(watcher)
            return
        }
        let node = Node(lower: lower, upper: upper)
        node.list.append(watcher)
        root = Self.insert(node, into: root)
    }

    mutating func remove(_ watcher: Watcher, lower: Bytes, upper: Bytes?) {
        guard let node = find(lower, upper) else { return }
        node.list.remove(watcher)
        if node.list.isEmpty { root = Self.remove(node, from: root) }
    }

    /// Appends the watchers of the intervals that contain `key` to `matched`.
    func match(_ key: Bytes, _ type: WatchEventType, _ matched: inout [Unmanaged<Watcher>]) {
        Self.match(root, key, type, &matched)
    }

    /// The list of each interval.
    var lists: [WatcherList] {
        var lists: [WatcherList] = []
        Self.collect(root, &lists)
        return lists
    }

    private func find(_ lower: Bytes, _ upper: Bytes?) -> Node? {
        var node = root
        while let current = node {
            let order = current.order(lower, upper)
            if order == 0 { return current }
            node = order < 0 ? current.left : current.right
        }
        return nil
    }

    private static func match(
        _ node: Node?, _ key: Bytes, _ type: WatchEventType, _ matched: inout [Unmanaged<Watcher>]
    ) {
        guard let node else { return }
        if let greatest = node.greatest, greatest <= key { return }
        match(node.left, key, type, &matched)
        guard node.lower <= key else { return }
        if node.upper.map({ key < $0 }) ?? true {
            withUnsafePointer(to: &node.list) { WatcherList.match($0, type, &matched) }
        }
        match(node.right, key, type, &matched)
    }

    private static func collect(_ node: Node?, _ lists: inout [WatcherList]) {
        guard let node else { return }
        collect(node.left, &lists)
        lists.append(node.list)
        collect(node.right, &lists)
    }

    private static func insert(_ new: Node, into node: Node?) -> Node {
        guard let node else { return new }
        if new.priority > node.priority {
            (new.left, new.right) = split(node, at: new)
            new.update()
            return new
        }
        if node.order(new.lower, new.upper) < 0 {
            node.left = insert(new, into: node.left)
        } else {
            node.right = insert(new, into: node.right)
        }
        node.update()
        return node
    }

    /// What comes before the interval of `pivot`, and what comes after.
    private static func split(_ node: Node?, at pivot: Node) -> (Node?, Node?) {
        guard let node else { return (nil, nil) }
        if node.order(pivot.lower, pivot.upper) < 0 {
            let (before, after) = split(node.left, at: pivot)
            node.left = after
            node.update()
            return (before, node)
        }
        let (before, after) = split(node.right, at: pivot)
        node.right = before
        node.update()
        return (node, after)
    }

    private static func remove(_ old: Node, from node: Node?) -> Node? {
        guard let node else { return nil }
        if node === old { return join(node.left, node.right) }
        if node.order(old.lower, old.upper) < 0 {
            node.left = remove(old, from: node.left)
        } else {
            node.right = remove(old, from: node.right)
        }
        node.update()
        return node
    }

    /// One tree of two, where everything in `before` comes before everything in `after`.
    private static func join(_ before: Node?, _ after: Node?) -> Node? {
        guard let before else { return after }
        guard let after else { return before }
        if before.priority > after.priority {
            before.right = join(before.right, after)
            before.update()
            return before
        }
        after.left = join(before, after.left)
        after.update()
        return after
    }
}
