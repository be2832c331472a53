/// What can be read of a damaged data file, with plain reads: LMDB itself, which trusts its pages, could crash on it.
/// ``PageWalk`` describes the pages.
///
/// Pages have no checksums. So an entry counts as one of a tree only if the way from the root to it makes sense: each page
/// carries its own number, is in use, is met once, and is not in the list of free pages. Whether the bytes of an entry, its key
/// included, are what was written, the caller has to tell.
public final class DataFileSalvage {
    /// An entry, and where its value lies in the file.
    public struct Entry: Sendable {
        public var key: [UInt8]
        public var value: Range<Int>
    }

    /// What was found of a tree.
    public struct Tree: Sendable {
        public var entries: [Entry] = []
        /// Pages and nodes that make no sense, or cannot be reached.
        public var damage: [String] = []
        /// Entries that are noted and were not found, if that is because parts of the tree cannot be reached.
        public var missing = 0
    }

    /// What one of the two meta pages leads to: the last commit, and the one before, which shares most pages with it.
    public struct Snapshot: Sendable {
        /// LMDB's number of the commit.
        public var transaction: Int
        public var trees: [String: Tree] = [:]
        /// What is wrong with the list of free pages and the directory of trees.
        public var damage: [String] = []
    }

    /// Newest first.
    public private(set) var snapshots: [Snapshot] = []
    /// Entries of leaves that are in use, and that no tree leads to.
    public private(set) var strays: [Entry] = []
    /// Values with pages of their own that are in use, and that no leaf names: the room that each may take.
    public private(set) var strayValues: [Range<Int>] = []
    /// Why nothing, or less, can be told of the file as a whole.
    public private(set) var damage: [String] = []

    private let file: DataFile
    private var pageBytes = 4096
    private var pages = 0
    private var met: Set<Int> = []
    private var free: Set<Int> = []

    /// Reads the data file in `directory`; nil if there is none, or an empty one.
    public static func read(directory: String) throws(LMDBError) -> DataFileSalvage? {
        guard let file = try DataFile(directory: directory) else { return nil }
        return try DataFileSalvage(file)
    }

    private init(_ file: consuming DataFile) throws(LMDBError) {
        self.file = file
        let metas = try metas()
        pages = try self.file.byteCount() / pageBytes
        for meta in metas {
            let walk = try SalvageWalk.run(self.file, meta, pages)
            snapshots.append(walk.snapshot)
            met.formUnion(walk.met)
            // Of what an older commit calls free the newest has made something again.
            if meta == metas.first { free = walk.free }
        }
        try findStrays(through: metas.map(\.lastPage).max() ?? pages - 1)
    }

    /// The bytes at `place`; fewer where the file ends.
    public func read(_ place: Range<Int>) throws(LMDBError) -> [UInt8] {
        try file.read(place.count, at: place.lowerBound)
    }

    /// The meta pages that make sense, newest first.
    private func metas() throws(LMDBError) -> [DataFile.Meta] {
        var found: [DataFile.Meta] = []
        // Only a meta page says how large pages are, and where the second one is.
        var size = 4096
        do throws(LMDBError) {
            let first = try file.meta(at: 0)
            size = first.pageBytes
            found.append(first)
        } catch {
            damage.append("data.mdb, first header: \(error.message)")
        }
        do throws(LMDBError) {
            let second = try file.meta(at: size)
            if second.pageBytes == size { found.append(second) }
        } catch {
            damage.append("data.mdb, second header: \(error.message)")
        }
        pageBytes = size
        return found.sorted { $0.transaction > $1.transaction }
    }

    private func findStrays(through last: Int) throws(LMDBError) {
        var number = 2
        while number <= min(last, pages - 1) {
            defer { number += 1 }
            if met.contains(number) || free.contains(number) { continue }
            let page = try SalvagedPage(file, number, pageBytes)
            if page.isLeaf {
                for entry in page.leaf().nodes {
                    let start = entry.overflow.map { $0 * pageBytes + 16 } ?? entry.value.lowerBound
                    let value = start..<start + entry.value.count
                    // A length that is damaged must not make anybody reserve memory for it.
                    if value.upperBound <= pages * pageBytes { strays.append(Entry(key: entry.key, value: value)) }
                }
            } else if let count = page.overflowCount, number + count <= pages {
                strayValues.append(number * pageBytes + 16..<(number + count) * pageBytes)
                number += count - 1
            }
        }
    }
}

/// One page, of which nothing is believed.
struct SalvagedPage {
    private let bytes: [UInt8]
    private let number: Int
    private let start: Int

    init(_ file: borrowing DataFile, _ number: Int, _ pageBytes: Int) throws(LMDBError) {
        self.number = number
        start = number * pageBytes
        let bytes = try file.read(pageBytes, at: start)
        self.bytes = bytes.count == pageBytes ? bytes : Array(repeating: 0, count: pageBytes)
    }

    private var isItself: Bool { bytes.load(UInt64.self, 0) == UInt64(number) }
    private var flags: UInt16 { bytes.load(UInt16.self, 10) }
    var isBranch: Bool { isItself && flags == 1 }
    var isLeaf: Bool { isItself && flags == 2 }

    /// How many pages the value takes that begins here; nil if none does.
    var overflowCount: Int? {
        guard isItself, flags == 4 else { return nil }
        let count = Int(bytes.load(UInt32.self, 12))
        return count >= 1 ? count : nil
    }

    /// Offsets of the nodes that lie inside, nil for one that does not; empty if the list makes no sense.
    private func nodes() -> [Int?] {
        let lower = Int(bytes.load(UInt16.self, 12))
        let upper = Int(bytes.load(UInt16.self, 14))
        guard lower >= 16, lower % 2 == 0, lower <= upper, upper <= bytes.count else { return [nil] }
        return stride(from: 16, to: lower, by: 2).map { position in
            let node = Int(bytes.load(UInt16.self, position))
            guard node >= upper, node % 2 == 0, node + 8 <= bytes.count,
                node + 8 + Int(bytes.load(UInt16.self, node + 6)) <= bytes.count
            else { return nil }
            return node
        }
    }

    private func key(_ node: Int) -> [UInt8] {
        Array(bytes[(node + 8)..<(node + 8 + Int(bytes.load(UInt16.self, node + 6)))])
    }

    /// The pages of the children; nil for a node that makes no sense.
    func children() -> [Int?] {
        nodes().map { node in node.map { Int(bytes.load(UInt64.self, $0) & 0xFFFF_FFFF_FFFF) } }
    }

    struct LeafNode {
        var key: [UInt8]
        /// Where the value lies in the file, if it has no pages of its own; otherwise only its length counts.
        var value: Range<Int>
        var overflow: Int?
        var isTree: Bool
    }

    /// The entries that make sense by themselves, and how many do not.
    func leaf() -> (nodes: [LeafNode], broken: Int) {
        var found: [LeafNode] = []
        var broken = 0
        for node in nodes() {
            guard let node, let entry = leafNode(node) else {
                broken += 1
                continue
            }
            found.append(entry)
        }
        return (found, broken)
    }

    private func leafNode(_ node: Int) -> LeafNode? {
        let flags = bytes.load(UInt16.self, node + 4)
        let key = key(node)
        let offset = node + 8 + key.count
        let length = Int(bytes.load(UInt16.self, node)) | Int(bytes.load(UInt16.self, node + 2)) << 16
        let isOverflow = flags & 0x01 != 0
        guard !key.isEmpty, flags & ~0x03 == 0, offset + (isOverflow ? 8 : length) <= bytes.count else { return nil }
        let overflow = isOverflow ? bytes.load(UInt64.self, offset) : 0
        guard overflow < 1 << 40 else { return nil }
        return LeafNode(
            key: key, value: start + offset..<start + offset + length, overflow: isOverflow ? Int(overflow) : nil,
            isTree: flags & 0x02 != 0)
    }
}
