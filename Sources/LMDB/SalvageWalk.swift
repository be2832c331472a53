/// Walks what one meta page leads to, and goes on beside what is damaged.
struct SalvageWalk {
    private(set) var snapshot: DataFileSalvage.Snapshot
    private(set) var met: Set<Int> = []
    private(set) var free: Set<Int> = []

    private let meta: DataFile.Meta
    private let pages: Int

    static func run(_ file: borrowing DataFile, _ meta: DataFile.Meta, _ pages: Int) throws(LMDBError) -> SalvageWalk {
        var walk = SalvageWalk(meta, pages)
        try walk.walk(file)
        return walk
    }

    private init(_ meta: DataFile.Meta, _ pages: Int) {
        self.meta = meta
        self.pages = pages
        snapshot = DataFileSalvage.Snapshot(transaction: meta.transaction)
    }

    private mutating func walk(_ file: borrowing DataFile) throws(LMDBError) {
        let freePages = PageWalk.Tree(name: "free pages", record: meta.freeRecord)
        let (freeTree, _) = try walk(file, freePages)
        snapshot.damage += freeTree.damage
        // Each value is a list of pages, its length before it; the numbers are 8 bytes each.
        for entry in freeTree.entries {
            let list = try file.read(entry.value.count, at: entry.value.lowerBound)
            guard list.count >= 8, list.count % 8 == 0, list.load(UInt64.self, 0) == UInt64(list.count / 8 - 1) else {
                snapshot.damage.append("data.mdb, a list of free pages makes no sense")
                continue
            }
            for offset in stride(from: 8, to: list.count, by: 8) {
                free.insert(Int(truncatingIfNeeded: list.load(UInt64.self, offset)))
            }
        }
        let main = PageWalk.Tree(name: "main", record: meta.mainRecord)
        let (mainTree, records) = try walk(file, main)
        snapshot.damage += mainTree.damage
        for record in records { snapshot.trees[record.name] = try walk(file, record).0 }
    }

    private mutating func walk(
        _ file: borrowing DataFile, _ tree: PageWalk.Tree
    ) throws(LMDBError) -> (DataFileSalvage.Tree, [PageWalk.Tree]) {
        var branch = Branch(name: tree.name)
        if tree.root != UInt64.max {
            try visit(file, Int(truncatingIfNeeded: tree.root), depth: 0, &branch)
        }
        let found = branch.tree.entries.count + branch.subtrees.count
        if branch.tree.damage.isEmpty {
            if UInt64(found) != tree.entries {
                branch.tree.damage.append(
                    "data.mdb, tree \(tree.name): has \(found) entries, noted are \(tree.entries)")
            }
        } else if tree.entries <= UInt64(pages * meta.pageBytes / Limits.nodeBytes) {
            // More than there is room for are not believed.
            branch.tree.missing = max(0, Int(tree.entries) - found)
        }
        return (branch.tree, branch.subtrees)
    }

    /// A walk of one tree under way.
    private struct Branch {
        let name: String
        var tree = DataFileSalvage.Tree()
        var subtrees: [PageWalk.Tree] = []

        mutating func damage(_ page: Int, _ what: String) {
            tree.damage.append("data.mdb, tree \(name), page \(page): \(what)")
        }
    }

    private mutating func visit(
        _ file: borrowing DataFile, _ number: Int, depth: Int, _ branch: inout Branch
    ) throws(LMDBError) {
        guard depth < Limits.treeDepth, take(number, count: 1) else {
            return branch.damage(number, "is not in use, or used twice")
        }
        let page = try SalvagedPage(file, number, meta.pageBytes)
        if page.isBranch {
            for child in page.children() {
                if let child {
                    try visit(file, child, depth: depth + 1, &branch)
                } else {
                    branch.damage(number, "has a node outside of it")
                }
            }
        } else if page.isLeaf {
            let (nodes, broken) = page.leaf()
            if broken > 0 { branch.damage(number, "has \(broken) nodes that make no sense") }
            for node in nodes { try take(file, node, number, &branch) }
        } else {
            branch.damage(number, "is of the wrong kind")
        }
    }

    private mutating func take(
        _ file: borrowing DataFile, _ node: SalvagedPage.LeafNode, _ number: Int, _ branch: inout Branch
    ) throws(LMDBError) {
        var value = node.value
        if let overflow = node.overflow {
            let needed = (15 + value.count) / meta.pageBytes + 1
            let isInFile = overflow >= 2 && overflow < pages
            let count = isInFile ? try SalvagedPage(file, overflow, meta.pageBytes).overflowCount : nil
            guard let count, count >= needed, take(overflow, count: count) else {
                return branch.damage(number, "names page \(overflow), which has no value")
            }
            value = overflow * meta.pageBytes + 16..<overflow * meta.pageBytes + 16 + value.count
        }
        guard node.isTree else {
            branch.tree.entries.append(DataFileSalvage.Entry(key: node.key, value: value))
            return
        }
        let record = try file.read(value.count, at: value.lowerBound)
        guard record.count == 48 else { return branch.damage(number, "has a broken database record") }
        branch.subtrees.append(PageWalk.Tree(name: String(decoding: node.key, as: UTF8.self), record: record))
    }

    /// Whether pages `number` and on are in the file, in use, not free, and met for the first time; then they are met.
    private mutating func take(_ number: Int, count: Int) -> Bool {
        guard number >= 2, count <= pages, number <= min(meta.lastPage, pages - 1) + 1 - count else { return false }
        let all = number..<number + count
        guard all.allSatisfy({ !met.contains($0) && !free.contains($0) }) else { return false }
        met.formUnion(all)
        return true
    }
}
