import Changes
import LMDB

/// What is kept under keys that are longer than LMDB's, for one of the databases of which `long` has the rest.
/// `LongRow.swift` describes it.
struct LongKeys: Sendable {
    let database: Database
    let root: LongRow.Root

    /// Whether `key` is kept here.
    static func has(_ key: UnsafeRawBufferPointer) -> Bool { key.count > Limits.storedKeyBytes }

    /// What is kept under `key`, which is long; nil if nothing is.
    func get<Access>(
        _ key: UnsafeRawBufferPointer, _ transaction: borrowing Transaction<Access>
    ) throws -> UnsafeRawBufferPointer? {
        let (steps, rest) = key.steps
        var node = root.rawValue
        for step in steps {
            guard case .link(let next)? = try row(LongRow.key(node, step), transaction) else { return nil }
            node = next
        }
        guard case .entry(let root, _, let kept)? = try row(LongRow.key(node, rest), transaction), root == self.root
        else { return nil }
        return kept
    }

    /// Keeps `kept` under `key`, which is long.
    func put(
        _ key: UnsafeRawBufferPointer, _ kept: UnsafeRawBufferPointer, _ transaction: borrowing WriteTransaction
    ) throws {
        let (steps, rest) = key.steps
        var node = root.rawValue
        for step in steps {
            let link = LongRow.key(node, step)
            if case .link(let next)? = try row(link, transaction) {
                node = next
            } else {
                node = try unusedNode(after: node, transaction)
                try put(link, LongRow.link(to: node, under: link), transaction)
            }
        }
        let row = LongRow.key(node, rest)
        try put(row, LongRow.entry(root, key, kept, under: row), transaction)
    }

    /// Forgets `key`, which is long, and the nodes that only led to it. False if it was not there.
    func delete(_ key: UnsafeRawBufferPointer, _ transaction: borrowing WriteTransaction) throws -> Bool {
        let (steps, rest) = key.steps
        var links: [[UInt8]] = []
        var node = root.rawValue
        for step in steps {
            links.append(LongRow.key(node, step))
            guard case .link(let next)? = try row(links.last!, transaction) else { return false }
            node = next
        }
        let row = LongRow.key(node, rest)
        guard try row.withUnsafeBytes({ try transaction.delete(database, $0) }) else { return false }
        while let link = links.popLast(), try isEmpty(node, transaction) {
            node = link.withUnsafeBytes { $0.node }
            _ = try link.withUnsafeBytes { try transaction.delete(database, $0) }
        }
        return true
    }

    private func row<Access>(_ row: [UInt8], _ transaction: borrowing Transaction<Access>) throws -> LongRow? {
        try row.withUnsafeBytes { row throws -> LongRow? in
            guard let value = try transaction.get(database, row) else { return nil }
            return try LongRow.checked(row, value)
        }
    }

    private func put(_ row: [UInt8], _ value: [UInt8], _ transaction: borrowing WriteTransaction) throws {
        try row.withUnsafeBytes { row in
            try value.withUnsafeBytes { try transaction.put(database, row, $0) }
        }
    }

    /// `node` may have no rows yet; all others have, or are roots.
    private func unusedNode(after node: UInt64, _ transaction: borrowing WriteTransaction) throws -> UInt64 {
        var cursor = try transaction.cursor(database)
        let last = try cursor.last().map { try LongRow.node(of: $0.key) } ?? 0
        let used = max(last, node, LongRow.firstNode - 1)
        guard used < .max else { throw LongRow.damaged("node \(used) leaves no number for another") }
        return used + 1
    }

    private func isEmpty(_ node: UInt64, _ transaction: borrowing WriteTransaction) throws -> Bool {
        var cursor = try transaction.cursor(database)
        let first = try LongRow.key(node).withUnsafeBytes { try cursor.seek(atOrAfter: $0) }
        return try first.map { try LongRow.node(of: $0.key) != node } ?? true
    }
}

extension LongRow {
    /// The row, or an error for the user.
    static func checked(
        _ row: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer
    ) throws(StoreError) -> LongRow {
        do throws(Malformed) {
            return try LongRow(row, value)
        } catch {
            throw damaged("\(Bytes(copying: row)): \(error.reason)")
        }
    }

    static func node(of row: UnsafeRawBufferPointer) throws(StoreError) -> UInt64 {
        guard row.count >= nodeBytes else { throw damaged("row without a node") }
        return row.node
    }

    static func damaged(_ what: String) -> StoreError {
        StoreError(.damaged, "long keys, \(what); \(StoreError.advice)")
    }
}
