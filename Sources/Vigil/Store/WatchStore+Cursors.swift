import Changes
public import RevisionLog

extension WatchStore {
    /// All cursors, in the order of their names, with how far each is behind. Reads a part of the log's index for each.
    public func cursors() throws -> [WatchCursor] {
        try requireOpen()
        return try reader.watchCursors(ledger)
    }

    /// The cursor `name`, or nil if there is none. What this process has acknowledged counts before it is written.
    public func cursor(_ name: String) throws -> WatchCursor? {
        try requireOpen()
        return try reader.watchCursor(name, ledger)
    }

    /// Sets the cursor `name` to `position`, backwards or forwards, and makes it if it does not exist. One that has failed
    /// can be used again. A watch that uses it ends with `.cursorMoved`: at once in this process, with its next
    /// acknowledgement in another. Returns when that is on disk.
    ///
    /// ```swift
    /// try await store.setCursor("indexer", to: .earliest)
    /// ```
    ///
    /// - Throws: `.invalidArgument` for a name that a cursor cannot have; `.compacted` or `.futureRevision` for a position
    ///   outside of what is retained; `.readOnly` if this process may not write the store's files.
    public func setCursor(_ name: String, to position: CursorPosition) async throws {
        try requireOpen()
        try validateCursorName(name)
        try await withCheckedThrowingContinuation { continuation in
            ledger.set(name, to: position) { continuation.resume(with: $0) }
        }
    }

    /// Sets how much history the cursor `name` holds, nil for none. A watch that uses it goes on. Returns when that is on
    /// disk.
    ///
    /// - Throws: `.cursorNotFound`; `.invalidArgument` for a hold without a bound, or with one that is not positive;
    ///   `.readOnly` if this process may not write the store's files.
    public func setCursor(_ name: String, hold: CursorHold?) async throws {
        try requireOpen()
        try hold?.validate()
        try await withCheckedThrowingContinuation { continuation in
            ledger.set(name, hold: hold) { continuation.resume(with: $0) }
        }
    }

    /// Removes the cursor `name`, and with it what it holds; false if there was none. A watch that uses it ends with
    /// `.cursorNotFound`. Returns when that is on disk.
    ///
    /// - Throws: `.readOnly` if this process may not write the store's files.
    @discardableResult
    public func removeCursor(_ name: String) async throws -> Bool {
        try requireOpen()
        try validateCursorName(name)
        return try await withCheckedThrowingContinuation { continuation in
            ledger.remove(name) { continuation.resume(with: $0) }
        }
    }

    /// Takes the cursor `name` for a watch, and says where that starts.
    func useCursor(_ name: String, _ options: CursorOptions) throws -> (use: CursorUse, start: WatchStart) {
        try validateCursorName(name)
        try options.hold?.validate()
        if case .cursor(let other) = options.first {
            throw StoreError(
                .invalidArgument, "the cursor \"\(name)\" cannot first start from another, \"\(other)\"")
        }
        try requireStart(options.first)
        let first = try resolved(options.first)
        let ledger = ledger
        // Nothing before the start counts as missed; of a state nothing counts before it is complete.
        let (session, isNew) = try ledger.open(name, hold: options.hold) {
            let snapshot = reader.snapshot
            return switch first {
            case .now: snapshot.head
            case .earliest: snapshot.earliest - 1
            case .revision(let revision): revision - 1
            case .last(let count): max(snapshot.earliest - 1, snapshot.head - Revision(min(count, Int(snapshot.head))))
            case .snapshot, .cursor, .time: 0
            }
        }
        let isState = isNew && first == .snapshot
        let use = CursorUse(
            session, ledger, isAutomatic: options.acknowledgement == .automatic, isCreatedFirst: !isState)
        // As a start of its own, the earliest revision cannot lose a race with a compaction.
        let isFirst = isState || isNew && first == .earliest
        return (use, isFirst ? first : .revision(session.acknowledged + 1))
    }
}
