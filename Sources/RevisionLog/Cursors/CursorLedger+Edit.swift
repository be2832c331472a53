import Changes
import LMDB
import Threads

extension CursorLedger {
    /// Sets the cursor `name`, and makes it if it does not exist. A watch that uses it ends.
    package func set(
        _ name: String, to position: CursorPosition, completion: @escaping @Sendable (Result<Void, StoreError>) -> Void
    ) {
        edit(name, completion) { stored, snapshot throws(StoreError) in
            let range = snapshot.earliest - 1...max(snapshot.head, snapshot.earliest - 1)
            let acknowledged =
                switch position {
                case .acknowledged(let revision): revision
                case .earliest: range.lowerBound
                case .now: range.upperBound
                }
            if acknowledged > range.upperBound {
                throw .future(requested: acknowledged, head: snapshot.head)
            }
            if acknowledged < range.lowerBound {
                throw .compacted(requested: acknowledged + 1, earliest: snapshot.earliest)
            }
            return CursorEntry(
                acknowledged: acknowledged, generation: .random(in: 1 ... .max),
                movedMilliseconds: wallClockMilliseconds(), hold: stored?.hold)
        }
    }

    /// Changes what the cursor `name` holds. Its watch goes on.
    package func set(
        _ name: String, hold: CursorHold?, completion: @escaping @Sendable (Result<Void, StoreError>) -> Void
    ) {
        edit(name, completion) { stored, _ throws(StoreError) in
            guard var entry = stored else { throw .cursor(.cursorNotFound, name) }
            entry.hold = hold
            return entry
        }
    }

    /// Removes the cursor `name`; false if there was none. A watch that uses it ends.
    package func remove(_ name: String, completion: @escaping @Sendable (Result<Bool, StoreError>) -> Void) {
        do {
            try requireWritable()
        } catch {
            return completion(.failure(error))
        }
        guard let database = reader.databases.cursors else { return }
        perform(
            { ledger, environment in
                try ledger.write(environment)
                let isRemoved = try storeErrors {
                    try environment.withWrite { transaction in
                        try Array(name.utf8).withUnsafeBytes { try transaction.delete(database, $0) }
                    }
                }
                if isRemoved { ledger.changed(name, .cursorNotFound) }
                return isRemoved
            }, completion: completion)
    }

    private func edit(
        _ name: String, _ completion: @escaping @Sendable (Result<Void, StoreError>) -> Void,
        _ change: @escaping @Sendable (CursorEntry?, LogSnapshot) throws(StoreError) -> CursorEntry
    ) {
        do {
            try requireWritable()
        } catch {
            return completion(.failure(error))
        }
        guard let database = reader.databases.cursors else { return }
        perform(
            { [reader] ledger, environment in
                // So that a hold is set on what was acknowledged before.
                try ledger.write(environment)
                let isMoved = try storeErrors {
                    try environment.withWrite { transaction in
                        let key = Array(name.utf8)
                        // One that cannot be read is made anew.
                        let stored = try? transaction.cursorEntry(key, database)
                        if stored == nil { try transaction.requireRoom(database) }
                        let entry = try change(stored, reader.snapshot)
                        try transaction.put(entry, key, database)
                        return entry.generation != stored?.generation
                    }
                }
                if isMoved { ledger.changed(name, .cursorMoved) }
            }, completion: completion)
    }
}

extension CursorLedger {
    /// Takes cursors back that have acknowledged more than there is: at the level `.interval` a loss of power may take
    /// revisions that were visible, and others get their numbers. To be called before there are new ones.
    func takeBack(to head: Revision, _ database: Database) throws {
        let isNeeded = try reader.environment.withRead { transaction in
            var isNeeded = false
            try transaction.forEachCursor(database) { _, entry in
                if let entry, entry.acknowledged > head { isNeeded = true }
            }
            return isNeeded
        }
        guard isNeeded else { return }
        try reader.environment.withWrite { transaction in
            var entries: [(String, CursorEntry)] = []
            try transaction.forEachCursor(database) { name, entry in
                if let entry, entry.acknowledged > head { entries.append((name, entry)) }
            }
            for (name, var entry) in entries {
                entry.acknowledged = head
                try transaction.put(entry, Array(name.utf8), database)
            }
        }
    }
}

extension Transaction {
    /// The cursor that is stored under `name`, checked.
    borrowing func cursorEntry(_ name: [UInt8], _ database: Database) throws -> CursorEntry? {
        try name.withUnsafeBytes { name throws -> CursorEntry? in
            guard let bytes = try get(database, name) else { return nil }
            do throws(Malformed) {
                return try CursorEntry(bytes, name: name)
            } catch {
                throw StoreError(
                    .damaged,
                    "cursor \"\(String(decoding: name, as: UTF8.self))\": \(error.reason); set it to make it anew")
            }
        }
    }

    /// Calls `body` with each cursor, or with nil if it cannot be read.
    borrowing func forEachCursor(_ database: Database, _ body: (String, CursorEntry?) throws -> Void) throws {
        var cursor = try cursor(database)
        var found = try cursor.first()
        while let here = found {
            let entry = try? CursorEntry(here.value, name: here.key)
            try body(String(decoding: here.key, as: UTF8.self), entry)
            found = try cursor.next()
        }
    }

    /// Throws if there are as many cursors as there may be.
    borrowing func requireRoom(_ database: Database) throws {
        guard try entries(database) < Limits.cursors else {
            throw StoreError(
                .tooLarge, "the store has \(Limits.cursors) cursors, as many as it may have; remove one")
        }
    }
}

extension Transaction where Access == WriteAccess {
    borrowing func put(_ entry: CursorEntry, _ name: [UInt8], _ database: Database) throws {
        try name.withUnsafeBytes { key in
            try entry.encoded(name: name).withUnsafeBytes { try put(database, key, $0) }
        }
    }
}
