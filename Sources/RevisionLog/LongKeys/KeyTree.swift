import Changes
import LMDB

/// A sorted map from keys of the store, of any length that these may have, to bytes: a database of LMDB, and ``LongKeys``
/// for what is too long for it. It is used as a ``Database`` is.
struct KeyTree: Sendable {
    let short: Database
    /// Nil in a store of an older format that is only read.
    let long: LongKeys?

    var name: String { short.name }

    init(_ short: Database, long: Database?, _ root: LongRow.Root) {
        self.short = short
        self.long = long.map { LongKeys(database: $0, root: root) }
    }
}

/// A key and what is kept under it, valid as long as ``Transaction`` says of pointers.
struct KeyEntry {
    let key: UnsafeRawBufferPointer
    let value: UnsafeRawBufferPointer
}

extension Transaction {
    /// What `tree` has under `key`.
    borrowing func get(_ tree: KeyTree, _ key: UnsafeRawBufferPointer) throws -> UnsafeRawBufferPointer? {
        LongKeys.has(key) ? try tree.long?.get(key, self) : try get(tree.short, key)
    }
}

extension Transaction where Access == ReadAccess {
    /// A cursor over `tree`, placed nowhere yet. It must be gone when the transaction ends.
    borrowing func cursor(_ tree: KeyTree) throws -> KeyCursor {
        let short = try cursor(tree.short)
        guard let long = tree.long, try entries(long.database) > 0 else { return KeyCursor(short, nil) }
        return try KeyCursor(short, LongCursor(long, self))
    }
}

extension Transaction where Access == WriteAccess {
    borrowing func put(
        _ tree: KeyTree, _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, _ options: PutOptions = []
    ) throws {
        if LongKeys.has(key) {
            try tree.long!.put(key, value, self)
        } else {
            try put(tree.short, key, value, options)
        }
    }

    @discardableResult
    borrowing func delete(_ tree: KeyTree, _ key: UnsafeRawBufferPointer) throws -> Bool {
        LongKeys.has(key) ? try tree.long!.delete(key, self) : try delete(tree.short, key)
    }
}

/// Walks the keys of a ``KeyTree`` in one direction, short and long ones in turn: forwards after ``seek(atOrAfter:)``,
/// backwards after ``seek(below:)``.
struct KeyCursor: ~Copyable {
    private var short: ReadCursor
    /// Nil if there are none.
    private var long: LongCursor?
    private var shortEntry: KeyEntry?
    private var longEntry: KeyEntry?
    private var descending = false

    fileprivate init(_ short: consuming ReadCursor, _ long: consuming LongCursor?) {
        self.short = short
        self.long = long
    }

    /// The smallest key.
    mutating func first() throws -> KeyEntry? { try seek(atOrAfter: .init(start: nil, count: 0)) }

    /// `key` if it is there, or else the next greater one.
    mutating func seek(atOrAfter key: UnsafeRawBufferPointer) throws -> KeyEntry? {
        descending = false
        shortEntry = try KeyEntry(short.seek(atOrAfter: key))
        longEntry = try long?.seek(atOrAfter: key)
        return current
    }

    /// The last key below `key`; the greatest of all for nil.
    mutating func seek(below key: UnsafeRawBufferPointer?) throws -> KeyEntry? {
        descending = true
        shortEntry = try KeyEntry(short.seek(below: key))
        longEntry = try long?.seek(below: key)
        return current
    }

    /// The next key in the direction of the walk, which must not have ended.
    mutating func next() throws -> KeyEntry? {
        if isAtLong {
            longEntry = try descending ? long!.previous() : long!.next()
        } else {
            shortEntry = try KeyEntry(descending ? short.previous() : short.next())
        }
        return current
    }

    private var current: KeyEntry? { isAtLong ? longEntry : shortEntry }

    /// Whether the long one comes first, in the direction of the walk.
    private var isAtLong: Bool {
        guard let longEntry else { return false }
        guard let shortEntry else { return true }
        return (compareBytes(longEntry.key, shortEntry.key) < 0) != descending
    }
}

extension KeyEntry {
    fileprivate init?(_ entry: ReadCursor.Entry?) {
        guard let entry else { return nil }
        self.init(key: entry.key, value: entry.value)
    }
}

extension ReadCursor {
    /// The last key below `key`; the greatest of all for nil.
    fileprivate mutating func seek(below key: UnsafeRawBufferPointer?) throws -> Entry? {
        guard let key else { return try last() }
        guard let found = try seek(atOrBefore: key) else { return nil }
        return try compareBytes(found.key, key) < 0 ? found : previous()
    }
}
