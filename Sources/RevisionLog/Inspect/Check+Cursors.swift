import Changes
import LMDB

extension Check {
    /// Every cursor can be read, and has a name that one can have.
    mutating func checkCursors(_ transaction: borrowing ReadTransaction) throws {
        guard let database = reader.databases.cursors else { return }
        var cursor = try transaction.cursor(database)
        var found = try cursor.first()
        while let here = found {
            let place = "cursor \(Bytes(copying: here.key))"
            do throws(Malformed) {
                _ = try CursorEntry(here.value, name: here.key)
            } catch {
                note("cursors", place, nil, error.reason)
            }
            if Bytes(copying: here.key).string.map({ (try? validateCursorName($0)) == nil }) ?? true {
                note("cursors", place, nil, "the name is not one that a cursor can have")
            }
            found = try cursor.next()
        }
    }
}
