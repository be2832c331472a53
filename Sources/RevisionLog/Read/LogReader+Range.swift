package import Changes
import LMDB

/// A page of a range: what its keys hold at one revision.
package struct RangePage: Sendable {
    package var keyValues: [KeyValue] = []
    /// Where the next page begins, the bound that replaces the range's lower (ascending) or upper one (descending);
    /// nil at the end.
    package var next: Bytes?
    /// Keys in the page, also if they were only counted.
    package var count = 0
}

/// What to read of each key of a range.
package enum RangeContents: Sendable {
    case values
    case keys
    case countOnly
}

extension LogReader {
    /// What keys from `lower` on and below `upper` hold at `revision`: at most `limit` of them that exist, and at
    /// most ``Limits/pageKeys`` looked at, so that the read transaction ends soon.
    package func page(
        from lower: Bytes, to upper: Bytes?, at revision: Revision, limit: Int, descending: Bool,
        contents: RangeContents
    ) throws -> RangePage {
        try withRevision(revision) { revision, snapshot, transaction in
            var page = RangePage()
            var looked = 0
            var bytes = 0
            try forEachLatest(
                from: lower, to: upper, descending: descending, numbersOnly: contents != .values, snapshot,
                transaction
            ) { key, newest in
                if page.count == limit || looked == Limits.pageKeys || bytes >= Limits.pageBytes {
                    page.next = descending ? key.successor : key
                    return false
                }
                looked += 1
                let found = try version(of: key, at: revision, from: newest, snapshot, transaction)
                guard let found,
                    var keyValue = try contents == .values ? found.readableKeyValue(key) : found.keyValue(key)
                else { return true }
                page.count += 1
                if contents == .countOnly { return true }
                if contents == .keys { keyValue.value = Bytes() }
                bytes += key.count + keyValue.value.count
                page.keyValues.append(keyValue)
                return true
            }
            return page
        }
    }

    /// A page of what the keys hold at `revision`, or now, for the thread that makes the commits: nothing is written
    /// beside it.
    package func committedPage(
        from lower: Bytes, to upper: Bytes?, at revision: Revision?, limit: Int, contents: RangeContents
    ) throws(StoreError) -> RangePage {
        do {
            return try page(
                from: lower, to: upper, at: revision ?? snapshot.head, limit: limit, descending: false,
                contents: contents)
        } catch {
            throw StoreError(wrapping: error)
        }
    }

    /// Calls `body` with the newest version of each key, tombstones included, in key order until it returns false.
    func forEachLatest(
        from lower: Bytes, to upper: Bytes?, descending: Bool = false, numbersOnly: Bool = false,
        _ snapshot: LogSnapshot, _ transaction: borrowing ReadTransaction,
        _ body: (Bytes, KeyVersion) throws -> Bool
    ) throws {
        if let upper, upper <= lower { return }
        var overlay = OverlayCursor(
            snapshot.frozen + snapshot.active, lower: lower, upper: upper, descending: descending)
        var cursor = try transaction.cursor(databases.state)
        var entry =
            try descending ? seek(&cursor, below: upper) : lower.withUnsafeBytes { try cursor.seek(atOrAfter: $0) }
        func isInside(_ key: Bytes) -> Bool { key >= lower && (upper.map { key < $0 } ?? true) }
        while true {
            let recent = overlay.peek().flatMap { isInside($0) ? $0 : nil }
            let stored = entry.map { Bytes(copying: $0.key) }.flatMap { isInside($0) ? $0 : nil }
            guard let key = first(recent, stored, descending: descending) else { return }
            let version: KeyVersion
            if key == recent {
                version = overlay.version()
                overlay.advance()
            } else {
                version = try decode(
                    entry!.value, key: entry!.key, databases.state, numbersOnly: numbersOnly, transaction)
            }
            if key == stored { entry = try cursor.next() }
            if try !body(key, version) { return }
        }
    }

    /// The one that comes first in the direction of the walk.
    private func first(_ a: Bytes?, _ b: Bytes?, descending: Bool) -> Bytes? {
        guard let a, let b else { return a ?? b }
        return (a < b) != descending ? a : b
    }

    /// Moves to the last key below `upper`.
    private func seek(_ cursor: inout KeyCursor, below upper: Bytes?) throws -> KeyEntry? {
        guard let upper else { return try cursor.seek(below: nil) }
        return try upper.withUnsafeBytes { try cursor.seek(below: $0) }
    }
}
