import Foundation
import GRDB

/// SQLite through GRDB as one would use it for this: WAL, every commit flushed, a table of what is, a table of changes
/// that triggers fill. A put is a transaction; a watcher is told of commits and asks the table of changes for what is
/// new to it.
struct SQLiteSystem: StoreSystem {
    let name = "SQLite (GRDB)"

    func open(_ directory: String) async throws -> any OpenStore {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let pool = try DatabasePool(path: directory + "/store.sqlite")
        try await pool.writeWithoutTransaction { database in
            // GRDB's default with WAL is NORMAL, which may lose the last commits with the power.
            try database.execute(sql: "PRAGMA synchronous = FULL")
            try database.execute(sql: schema)
        }
        return try SQLiteStore(pool: pool)
    }
}

private let schema = """
    CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS change (
        revision INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, type INTEGER NOT NULL, value BLOB);
    CREATE INDEX IF NOT EXISTS change_key ON change (key, revision);
    CREATE TRIGGER IF NOT EXISTS inserted AFTER INSERT ON state
        BEGIN INSERT INTO change (key, type, value) VALUES (new.key, 0, new.value); END;
    CREATE TRIGGER IF NOT EXISTS updated AFTER UPDATE ON state
        BEGIN INSERT INTO change (key, type, value) VALUES (new.key, 0, new.value); END;
    CREATE TRIGGER IF NOT EXISTS deleted AFTER DELETE ON state
        BEGIN INSERT INTO change (key, type) VALUES (old.key, 1); END;
    """

struct SQLiteStore: OpenStore, StoreSession {
    let pool: DatabasePool
    private let commits = CommitSignal()
    private let observation: AnyDatabaseCancellable

    init(pool: DatabasePool) throws {
        self.pool = pool
        let commits = commits
        observation = DatabaseRegionObservation(tracking: Table("change")).start(
            in: pool, onError: { fatalError("the observation of SQLite failed: \($0)") },
            onChange: { _ in commits.signal() })
    }

    func session(callers: Int) async throws -> any StoreSession { self }

    func fill(_ changes: [Change], deadline: Int64) async throws -> Int {
        var made = 0
        while made < changes.count, now() < deadline {
            let batch = changes[made..<min(made + 4096, changes.count)]
            try await pool.write { database in
                for change in batch { _ = try Self.put(database, change.key, change.value) }
            }
            made += batch.count
        }
        return made
    }

    func put(_ key: String, _ value: [UInt8]) async throws -> Int64 {
        try await pool.write { try Self.put($0, key, value) }
    }

    private static func put(_ database: Database, _ key: String, _ value: [UInt8]) throws -> Int64 {
        let put = try database.cachedStatement(
            sql: """
                INSERT INTO state VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value
                """)
        try put.execute(arguments: [key, Data(value)])
        let newest = try database.cachedStatement(sql: "SELECT max(revision) FROM change")
        return try Int64.fetchOne(newest)!
    }

    func watch(
        _ keys: Keys, from revision: Int64?, onEvent: @escaping @Sendable (Int64) -> Void
    ) async throws -> any StoreWatch {
        let signals = commits.subscribe()
        let newest = try await pool.read { try Int64.fetchOne($0, sql: "SELECT max(revision) FROM change") ?? 0 }
        let first = revision ?? newest + 1
        let pool = pool
        return SQLiteWatch(
            task: Task {
                var next = first
                for await _ in signals {
                    while true {
                        let changes = try await pool.read { [next] in try Self.changes($0, of: keys, from: next) }
                        for change in changes { onEvent(change.revision) }
                        if let last = changes.last { next = last.revision + 1 }
                        if changes.count < page { break }
                    }
                }
            })
    }

    func stall(_ keys: Keys) async throws -> (any StoreWatch)? {
        // It is told of commits, and does not ask.
        let signals = commits.subscribe()
        return SQLiteWatch(
            task: Task {
                try await Task.sleep(for: .seconds(600))
                withExtendedLifetime(signals) {}
            })
    }

    private struct Row {
        let revision: Int64
        let key: String
        let value: Data?
    }

    private static func changes(_ database: Database, of keys: Keys, from revision: Int64) throws -> [Row] {
        let statement: Statement
        let arguments: StatementArguments
        switch keys {
        case .key(let key):
            statement = try database.cachedStatement(
                sql:
                    "SELECT revision, key, value FROM change WHERE key = ? AND revision >= ? ORDER BY revision LIMIT \(page)"
            )
            arguments = [key, revision]
        case .prefix(let prefix):
            statement = try database.cachedStatement(
                sql: """
                    SELECT revision, key, value FROM change
                    WHERE revision >= ? AND substr(key, 1, ?) = ? ORDER BY revision LIMIT \(page)
                    """)
            arguments = [revision, prefix.utf8.count, prefix]
        }
        var rows: [Row] = []
        let cursor = try GRDB.Row.fetchCursor(statement, arguments: arguments)
        while let row = try cursor.next() { rows.append(Row(revision: row[0], key: row[1], value: row[2])) }
        return rows
    }

    func close() async {}

    func shutDown() async throws {
        observation.cancel()
        commits.finish()
        try pool.close()
    }
}

/// Changes that a watcher reads at a time.
private let page = 1000

private struct SQLiteWatch: StoreWatch {
    let task: Task<Void, any Error>

    func cancel() async {
        task.cancel()
        _ = await task.result
    }
}
