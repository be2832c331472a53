import LMDB

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// An empty directory for one test, removed with everything in it when the last reference goes.
final class TemporaryDirectory: Sendable {
    let path: String

    init() {
        var template = Array("/tmp/lmdb-test-XXXXXX".utf8CString)
        path = String(cString: mkdtemp(&template)!)
    }

    deinit {
        for name in ["data.mdb", "lock.mdb"] { unlink(path + "/" + name) }
        rmdir(path)
    }
}

/// A fresh environment with one database.
struct Fixture {
    let directory = TemporaryDirectory()
    let environment: Environment
    let database: Database

    init(mapBytes: Int = 1 << 26, maximumReaders: Int = 2048) throws {
        environment = try Environment(path: directory.path, mapBytes: mapBytes, maximumReaders: maximumReaders)
        database = try environment.openDatabase("test", create: true)
    }

    /// Puts `keys`, each with itself as value.
    func fill(_ keys: [String]) throws {
        try environment.withWrite { transaction in
            for key in keys { try transaction.put(database, key, key) }
        }
    }

    /// Runs `body` with a read cursor.
    func walk<R>(_ body: (inout ReadCursor) throws -> R) throws -> R {
        try environment.withRead { transaction in
            var cursor = try transaction.cursor(database)
            return try body(&cursor)
        }
    }

    /// All keys, in order.
    func keys() throws -> [String] {
        try walk { cursor in
            var keys: [String] = []
            var entry = try cursor.first()
            while let here = entry {
                keys.append(here.name)
                entry = try cursor.next()
            }
            return keys
        }
    }
}

extension String {
    /// Calls `body` with the UTF-8 bytes.
    func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try Array(utf8).withUnsafeBytes(body)
    }
}

extension Transaction {
    borrowing func get(_ database: Database, _ key: String) throws -> String? {
        let array = Array(key.utf8)
        // The pointer found belongs to the transaction, not to the closure.
        let value = try array.withUnsafeBytes { try get(database, $0) }
        return value.map { String(decoding: $0, as: UTF8.self) }
    }
}

extension Transaction where Access == WriteAccess {
    borrowing func put(_ database: Database, _ key: String, _ value: String, _ options: PutOptions = []) throws {
        let (key, value) = (Array(key.utf8), Array(value.utf8))
        try key.withUnsafeBytes { key in try value.withUnsafeBytes { try put(database, key, $0, options) } }
    }

    @discardableResult
    borrowing func delete(_ database: Database, _ key: String) throws -> Bool {
        let array = Array(key.utf8)
        return try array.withUnsafeBytes { try delete(database, $0) }
    }
}

extension Cursor.Entry {
    var name: String { String(decoding: key, as: UTF8.self) }
    var text: String { String(decoding: value, as: UTF8.self) }
}

/// The code of the error that `body` throws; nil if it throws none.
func codeThrown(_ body: () throws -> Void) -> Int32? {
    do {
        try body()
        return nil
    } catch let error as LMDBError {
        return error.code
    } catch {
        return 0
    }
}
