import CLMDB

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Walks the trees of a data file with plain reads, and finds what LMDB, which trusts its pages, would crash on.
///
/// A page, as LMDB 0.9 lays it out (native-endian, 64 bits wide):
///
/// | offset | |
/// |---|---|
/// | 0 | its own number, 8 bytes |
/// | 10 | flags, 2 bytes: 1 = branch, 2 = leaf, 4 = overflow |
/// | 12 | end of the list of nodes, 2 bytes; 14: begin of the nodes, 2 bytes. In an overflow page: how many pages it spans, 4 bytes |
/// | 16 | the list: the offset of each node in the page, 2 bytes each |
///
/// A node: 2 + 2 bytes low and high half of the length of the value, 2 bytes flags (1 = the value is the number of its
/// overflow page, 2 = it is the record of a database), 2 bytes length of the key, key, value. In a branch the first three
/// fields are the number of the child page instead. The record of a database: flags at byte 4, depth at 6, number of
/// branch pages at 8, of leaf pages at 16, of overflow pages at 24, of entries at 32, root page at 40.
///
/// An entry of the list of free pages: the number of the transaction that gave them back, 8 bytes → how many, 8 bytes, and
/// their numbers, 8 bytes each, descending. A page in use that is listed would be overwritten by a later commit. Each page
/// is in use or listed, so the last page's number in the header can be checked too.
struct PageWalk: ~Copyable {
    /// The record of a database.
    struct Tree {
        var name: String
        var flags: UInt16
        var depth: Int
        /// Branch and leaf pages, as noted.
        var pages: UInt64
        /// How many reads it takes at most, as noted: each page, also those of long values, once.
        var readsAtMost: UInt64
        var entries: UInt64
        var root: UInt64

        init(name: String, record: [UInt8]) {
            self.name = name
            flags = record.load(UInt16.self, 4)
            depth = Int(record.load(UInt16.self, 6))
            pages = record.load(UInt64.self, 8) &+ record.load(UInt64.self, 16)
            let overflowPages = record.load(UInt64.self, 24)
            readsAtMost = pages.addingReportingOverflow(overflowPages).overflow ? .max : pages &+ overflowPages
            entries = record.load(UInt64.self, 32)
            root = record.load(UInt64.self, 40)
        }
    }

    private let file: DataFile
    private let meta: DataFile.Meta
    private let pagesInFile: Int
    /// One bit for each page of the file that has been met in a tree.
    private var met: [UInt64]
    /// What the list of free pages names.
    private var free: [UInt64] = []
    private var entries: UInt64 = 0
    /// The last key of the leaf before.
    private var lastKey: [UInt8]?
    private var subtrees: [Tree] = []
    /// Pages, and heads of values with pages of their own, that may be read, and how many were.
    private let limit: Int
    private var reads = 0

    /// - Parameter limit: how much may be read before ``run()`` gives up.
    init(_ file: consuming DataFile, _ meta: DataFile.Meta, limit: Int = .max) throws(LMDBError) {
        self.limit = limit
        pagesInFile = try file.byteCount() / meta.pageBytes
        // Of the file and not of the header, which may claim anything.
        met = Array(repeating: 0, count: pagesInFile / 64 + 1)
        self.file = file
        self.meta = meta
    }

    /// Walks the databases that are small, as many as the limit allows. Returns their names, and whether those are all and
    /// the list of free pages was walked too, so that nothing is left for ``run()``.
    /// - Throws: `corrupted`, naming the page and what is wrong with it.
    mutating func runFew() throws(LMDBError) -> (names: Set<String>, isAll: Bool) {
        var names: Set<String> = []
        do throws(LMDBError) {
            try walk(Tree(name: "main", record: meta.mainRecord))
            subtrees.sort { $0.readsAtMost > $1.readsAtMost }
            while let tree = subtrees.last, fits(tree) {
                try walk(tree)
                names.insert(tree.name)
                subtrees.removeLast()
            }
            let freePages = Tree(name: "free pages", record: meta.freeRecord)
            guard subtrees.isEmpty, fits(freePages) else { return (names, false) }
            try walk(freePages, isFreeList: true)
            try checkPagesInUse(freePages)
            return (names, true)
        } catch {
            // What a record notes may be damaged too, and the tree larger.
            if error.code == LMDBError.tooMuch { return (names, false) }
            throw error
        }
    }

    private func fits(_ tree: Tree) -> Bool { tree.readsAtMost <= UInt64(limit - reads) }

    /// Walks everything that the meta page leads to. Returns how many pages that is.
    /// - Throws: `corrupted`, naming the page and what is wrong with it; `tooMuch` if that is more than the limit allows.
    mutating func run() throws(LMDBError) -> Int {
        let freePages = Tree(name: "free pages", record: meta.freeRecord)
        try walk(freePages, isFreeList: true)
        try walk(Tree(name: "main", record: meta.mainRecord))
        // Told before the work. What records note can be damaged too, so it counts only where it can be true.
        let noted = subtrees.reduce(UInt64(0)) { $0 &+ $1.pages }
        if pagesInFile > limit, noted > UInt64(limit) { throw tooMuch }
        while let tree = subtrees.popLast() { try walk(tree) }
        return try checkPagesInUse(freePages)
    }

    /// Each page is in use or listed as free. Returns how many are in use.
    @discardableResult
    private mutating func checkPagesInUse(_ freePages: Tree) throws(LMDBError) -> Int {
        let used = met.reduce(0) { $0 + $1.nonzeroBitCount }
        try checkFreePages(freePages)
        guard used + free.count + 2 == meta.lastPage + 1 else {
            throw damage(
                freePages, freePages.root,
                "leads to \(free.count) pages; with \(used) in use there are not the \(meta.lastPage + 1) of the header"
            )
        }
        return used
    }

    /// No page may be listed twice, or listed and in use.
    private mutating func checkFreePages(_ tree: Tree) throws(LMDBError) {
        free.sort()
        var before: UInt64 = 0
        for page in free {
            guard page >= 2, page <= UInt64(meta.lastPage), page != before,
                page >= UInt64(pagesInFile) || met[Int(page / 64)] & 1 << (page % 64) == 0
            else { throw damage(tree, page, "is listed as free and is not") }
            before = page
        }
    }

    private mutating func walk(_ tree: Tree, isFreeList: Bool = false) throws(LMDBError) {
        // Only the list of free pages has one, for keys that are integers: this module opens all databases without any.
        guard tree.flags == (isFreeList ? 0x08 : 0) else {
            throw damage(tree, tree.root, "belongs to a database with the flags \(tree.flags)")
        }
        guard tree.root != UInt64.max else {
            if tree.entries != 0 || tree.depth != 0 { throw damage(tree, 0, "is missing, the root") }
            return
        }
        entries = 0
        lastKey = nil
        guard (1...Limits.treeDepth).contains(tree.depth) else {
            throw damage(tree, tree.root, "is the root of a tree of depth \(tree.depth)")
        }
        try visit(tree, tree.root, height: tree.depth, isFreeList)
        guard entries == tree.entries else {
            throw damage(tree, tree.root, "leads to \(entries) entries instead of \(tree.entries)")
        }
    }

    private mutating func visit(_ tree: Tree, _ number: UInt64, height: Int, _ isFreeList: Bool) throws(LMDBError) {
        try meet(tree, number, count: 1)
        try countRead()
        let page = try file.read(meta.pageBytes, at: Int(number) * meta.pageBytes)
        let flags = page.load(UInt16.self, 10)
        guard page.load(UInt64.self, 0) == number else { throw damage(tree, number, "carries another number") }
        guard flags == (height > 1 ? 1 : 2) else { throw damage(tree, number, "is of the wrong kind") }
        let lower = Int(page.load(UInt16.self, 12))
        let upper = Int(page.load(UInt16.self, 14))
        guard lower >= 16 + (height > 1 ? 4 : 2), lower % 2 == 0, lower <= upper, upper <= meta.pageBytes else {
            throw damage(tree, number, "has bounds that make no sense")
        }
        var key: Range<Int>?
        for position in stride(from: 16, to: lower, by: 2) {
            let node = Int(page.load(UInt16.self, position))
            guard node >= upper, node % 2 == 0, node + 8 <= meta.pageBytes,
                node + 8 + Int(page.load(UInt16.self, node + 6)) <= meta.pageBytes
            else { throw damage(tree, number, "has a node outside of it") }
            if height > 1 {
                let child = page.load(UInt64.self, node) & 0xFFFF_FFFF_FFFF
                try visit(tree, child, height: height - 1, isFreeList)
            } else {
                key = try leafNode(tree, number, page, node, after: key, isFreeList)
            }
        }
        if let key { lastKey = Array(page[key]) }
    }

    /// Returns where the key is. `previous` is where that of the node before is; nil for the first of a page.
    private mutating func leafNode(
        _ tree: Tree, _ number: UInt64, _ page: [UInt8], _ node: Int, after previous: Range<Int>?, _ isFreeList: Bool
    ) throws(LMDBError) -> Range<Int> {
        let flags = page.load(UInt16.self, node + 4)
        let valueStart = node + 8 + Int(page.load(UInt16.self, node + 6))
        let valueBytes = Int(page.load(UInt16.self, node)) | Int(page.load(UInt16.self, node + 2)) << 16
        let key = node + 8..<valueStart
        entries += 1
        let isInOrder =
            if let previous {
                isAscending(page, previous, page, key, isFreeList)
            } else if let lastKey {
                isAscending(lastKey, lastKey.indices, page, key, isFreeList)
            } else {
                true
            }
        guard isInOrder else { throw damage(tree, number, "has keys out of order") }
        guard !key.isEmpty, flags & ~0x03 == 0 else { throw damage(tree, number, "has a node that makes no sense") }
        let stored = flags & 0x01 != 0 ? 8 : valueBytes
        guard valueStart + stored <= meta.pageBytes else { throw damage(tree, number, "has a value outside of it") }
        if flags & 0x01 != 0 {
            let first = page.load(UInt64.self, valueStart)
            try overflow(tree, first, valueBytes)
            if isFreeList {
                let value = try file.read(valueBytes, at: Int(first) * meta.pageBytes + 16)
                try list(tree, Array(page[key]), value, number)
            }
        } else if isFreeList {
            try list(tree, Array(page[key]), Array(page[valueStart..<valueStart + valueBytes]), number)
        } else if flags & 0x02 != 0 {
            guard valueBytes == 48 else { throw damage(tree, number, "has a broken database record") }
            subtrees.append(
                Tree(
                    name: String(decoding: page[key], as: UTF8.self),
                    record: Array(page[valueStart..<valueStart + valueBytes])))
        }
        return key
    }

    /// Whether the key at `first` of `a` comes before that at `second` of `b`. In the list of free pages keys are integers.
    private func isAscending(
        _ a: [UInt8], _ first: Range<Int>, _ b: [UInt8], _ second: Range<Int>, _ isFreeList: Bool
    ) -> Bool {
        if isFreeList {
            return first.count == 8 && second.count == 8
                && a.load(UInt64.self, first.lowerBound) < b.load(UInt64.self, second.lowerBound)
        }
        let order = a.withUnsafeBytes { a in
            b.withUnsafeBytes { b in
                // Sound: both ranges lie in their pages.
                memcmp(
                    a.baseAddress! + first.lowerBound, b.baseAddress! + second.lowerBound,
                    min(first.count, second.count))
            }
        }
        return order != 0 ? order < 0 : first.count < second.count
    }

    /// Takes in an entry of the list of free pages.
    private mutating func list(
        _ tree: Tree, _ key: [UInt8], _ value: [UInt8], _ number: UInt64
    ) throws(LMDBError) {
        guard key.count == 8, key.load(UInt64.self, 0) <= UInt64(meta.transaction), value.count >= 8,
            value.load(UInt64.self, 0) <= UInt64(value.count / 8 - 1)
        else { throw damage(tree, number, "has a list that makes no sense") }
        var before = UInt64.max
        for index in 0..<Int(value.load(UInt64.self, 0)) {
            let page = value.load(UInt64.self, 8 + index * 8)
            guard page < before else { throw damage(tree, number, "has a list out of order") }
            before = page
            free.append(page)
        }
    }

    /// A value with pages of its own, which follow each other; only the first has a header. There may be more than it
    /// needs: a transaction that replaces its own value with a shorter one keeps them all.
    private mutating func overflow(_ tree: Tree, _ number: UInt64, _ valueBytes: Int) throws(LMDBError) {
        let needed = (15 + valueBytes) / meta.pageBytes + 1
        try meet(tree, number, count: needed)
        try countRead()
        let header = try file.read(16, at: Int(number) * meta.pageBytes)
        let count = Int(header.load(UInt32.self, 12))
        guard header.load(UInt64.self, 0) == number, header.load(UInt16.self, 10) == 4, count >= needed else {
            throw damage(tree, number, "is not the overflow page that it should be")
        }
        if count > needed { try meet(tree, number + UInt64(needed), count: count - needed) }
    }

    /// Pages `number` and on must be in the file, in use, and not met before.
    private mutating func meet(_ tree: Tree, _ number: UInt64, count: Int) throws(LMDBError) {
        guard number >= 2, number <= UInt64(meta.lastPage), count <= meta.lastPage + 1 - Int(number) else {
            throw damage(tree, number, "is outside of the \(meta.lastPage + 1) pages in use")
        }
        guard Int(number) + count <= pagesInFile else {
            throw damage(tree, number, "is not in the file, which has been cut short after page \(pagesInFile - 1)")
        }
        for page in Int(number)..<Int(number) + count {
            guard met[page / 64] & 1 << UInt64(page % 64) == 0 else { throw damage(tree, number, "is used twice") }
            met[page / 64] |= 1 << UInt64(page % 64)
        }
    }

    private mutating func countRead() throws(LMDBError) {
        reads += 1
        if reads > limit { throw tooMuch }
    }

    private var tooMuch: LMDBError {
        LMDBError(LMDBError.tooMuch, "check \(file.path)", message: "it takes more than \(limit) reads")
    }

    private func damage(_ tree: Tree, _ number: UInt64, _ what: String) -> LMDBError {
        let place = number < UInt64(1) << 47 ? " (byte \(number * UInt64(meta.pageBytes)))" : ""
        return LMDBError(
            MDB_CORRUPTED, "check \(file.path)", message: "page \(number)\(place) of the tree \(tree.name) \(what)")
    }
}
