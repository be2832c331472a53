import Changes
import LMDB

extension Check {
    /// Every row can be read, each node that has rows is led to by one link, and each key is found where a walk meets it.
    /// False if the keys cannot be walked, and so not looked at any further.
    mutating func checkLongKeys(_ transaction: borrowing ReadTransaction) throws -> Bool {
        guard let database = reader.databases.long else { return true }
        let before = report.problems.count
        let entries = try checkRows(database, transaction)
        guard report.problems.count == before else { return false }
        var met = 0
        do {
            for root in LongRow.Root.allCases {
                met += try checkKeys(LongKeys(database: database, root: root), transaction)
            }
        } catch let error as StoreError where error.code == .damaged {
            note("long", "keys", nil, error.message)
            return false
        }
        if met != entries { note("long", "entries", nil, "\(entries) entries are there, and links lead to \(met)") }
        return report.problems.count == before
    }

    /// Returns how many entries there are.
    private mutating func checkRows(_ database: Database, _ transaction: borrowing ReadTransaction) throws -> Int {
        var entries = 0
        var (used, led): (Set<UInt64>, Set<UInt64>) = ([], [])
        var cursor = try transaction.cursor(database)
        var found = try cursor.first()
        while let here = found {
            let place = "row \(Bytes(copying: here.key))"
            do throws(Malformed) {
                switch try LongRow(here.key, here.value) {
                case .entry: entries += 1
                case .link(let node):
                    if !led.insert(node).inserted { note("long", place, nil, "leads to node \(node), as another does") }
                }
                if here.key.node >= LongRow.firstNode { used.insert(here.key.node) }
            } catch {
                note("long", place, nil, error.reason)
            }
            found = try cursor.next()
        }
        for node in led.subtracting(used).sorted() { note("long", "node \(node)", nil, "is led to and has no rows") }
        for node in used.subtracting(led).sorted() { note("long", "node \(node)", nil, "has rows and is not led to") }
        return entries
    }

    /// Returns how many there are.
    private mutating func checkKeys(_ keys: LongKeys, _ transaction: borrowing ReadTransaction) throws -> Int {
        var met = 0
        var last = Bytes()
        var cursor = try LongCursor(keys, transaction)
        var found = try cursor.seek(atOrAfter: .init(start: nil, count: 0))
        while let here = found {
            met += 1
            let key = Bytes(copying: here.key)
            if try key <= last || keys.get(here.key, transaction)?.baseAddress != here.value.baseAddress {
                note("long", "key \(key)", nil, "is not where links lead for it")
            }
            last = key
            found = try cursor.next()
        }
        return met
    }
}
