import Changes
import LMDB

/// Walks the keys of a ``LongKeys`` in order, forwards or backwards.
struct LongCursor: ~Copyable {
    private var rows: ReadCursor
    private let root: LongRow.Root
    /// The links that lead to the node in which the cursor is, and that node last.
    private var links: [[UInt8]] = []
    private var node: UInt64
    /// The key that was found last, since all were sought anew: LMDB has keys in order only as long as its pages are whole,
    /// and a walk must not go round in a circle.
    private var last: [UInt8]?

    init(_ keys: LongKeys, _ transaction: borrowing ReadTransaction) throws {
        rows = try transaction.cursor(keys.database)
        root = keys.root
        node = keys.root.rawValue
    }

    /// The first key that is not less than `key`.
    mutating func seek(atOrAfter key: UnsafeRawBufferPointer) throws -> KeyEntry? {
        try settle(descend(to: key), descending: false)
    }

    /// The last key below `key`; the last of all for nil.
    mutating func seek(below key: UnsafeRawBufferPointer?) throws -> KeyEntry? {
        if let key {
            let row = try descend(to: key)
            return try settle(row == nil ? rows.last() : rows.previous(), descending: true)
        }
        enterRoot()
        return try settle(lastRow(of: node), descending: true)
    }

    /// The key after the one that the cursor is at.
    mutating func next() throws -> KeyEntry? { try settle(rows.next(), descending: false) }

    /// The key before it.
    mutating func previous() throws -> KeyEntry? { try settle(rows.previous(), descending: true) }

    private mutating func enterRoot() {
        (links, last) = ([], nil)
        node = root.rawValue
    }

    /// Goes along the links that `key` begins with, and to the first row there that is not before what is left of it.
    private mutating func descend(to key: UnsafeRawBufferPointer) throws -> ReadCursor.Entry? {
        enterRoot()
        let (steps, rest) = key.steps
        for step in steps {
            let (row, isExact) = try seek(LongRow.key(node, step))
            guard isExact, case .link(let next) = try LongRow.checked(row!.key, row!.value) else { return row }
            try enter(next, by: row!.key)
        }
        return try seek(LongRow.key(node, rest)).row
    }

    private mutating func seek(_ row: [UInt8]) throws -> (row: ReadCursor.Entry?, isExact: Bool) {
        let found = try row.withUnsafeBytes { try rows.seek(atOrAfter: $0) }
        return (found, found?.key.elementsEqual(row) ?? false)
    }

    private mutating func enter(_ next: UInt64, by link: UnsafeRawBufferPointer) throws {
        guard links.count < Limits.longKeySteps else { throw LongRow.damaged("node \(next) is too deep") }
        links.append(Array(link))
        node = next
    }

    /// From `row` on, in this direction, to the first entry: down the links, and up where a node ends.
    private mutating func settle(_ row: ReadCursor.Entry?, descending: Bool) throws -> KeyEntry? {
        var row = row
        while true {
            if let here = row, try LongRow.node(of: here.key) == node {
                switch try LongRow.checked(here.key, here.value) {
                case .entry(root, let key, let kept):
                    try follow(key, descending)
                    return KeyEntry(key: key, value: kept)
                case .entry(let other, _, _): throw LongRow.damaged("node \(node) has a row of \(other)")
                case .link(let next):
                    try enter(next, by: here.key)
                    row = try descending ? lastRow(of: next) : firstRow(of: next)
                    guard let row, try LongRow.node(of: row.key) == next else {
                        throw LongRow.damaged("node \(next) has no rows")
                    }
                }
            } else {
                guard let link = links.popLast() else { return nil }
                node = link.withUnsafeBytes { $0.node }
                let (found, isExact) = try seek(link)
                if descending {
                    row = try found == nil ? rows.last() : rows.previous()
                } else {
                    row = try isExact ? rows.next() : found
                }
            }
        }
    }

    private mutating func follow(_ key: UnsafeRawBufferPointer, _ descending: Bool) throws {
        if let last, last.withUnsafeBytes({ (compareBytes(key, $0) > 0) == descending || key.elementsEqual($0) }) {
            throw LongRow.damaged("key \(Bytes(copying: key)) is out of order")
        }
        last = Array(key)
    }

    private mutating func firstRow(of node: UInt64) throws -> ReadCursor.Entry? {
        try LongRow.key(node).withUnsafeBytes { try rows.seek(atOrAfter: $0) }
    }

    private mutating func lastRow(of node: UInt64) throws -> ReadCursor.Entry? {
        let end = try LongRow.key(node + 1).withUnsafeBytes { try rows.seek(atOrAfter: $0) }
        return try end == nil ? rows.last() : rows.previous()
    }
}
