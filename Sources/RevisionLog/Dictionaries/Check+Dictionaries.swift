import LMDB

extension Check {
    /// Each dictionary is in both places, and alike.
    mutating func checkDictionaries(_ transaction: borrowing ReadTransaction) throws {
        guard let database = reader.databases.dictionaries else { return }
        var numbers = 0
        for number in 1...UInt32(Limits.dictionaries) {
            let entries = try transaction.dictionaryEntries(number, reader.databases)
            if entries.found.contains(where: { $0.database == database.name }) { numbers += 1 }
            guard !entries.isEmpty else { continue }
            for entry in entries.found where entry.dictionary == nil {
                note(entry.database, "dictionary \(number)", nil, "does not match its checksum")
            }
            let intact = entries.found.compactMap(\.dictionary)
            if entries.found.count != 2 || intact.count == 2 && intact[0] != intact[1] {
                note(database.name, "dictionary \(number)", nil, "is not the same in `dictionaries` and in `meta`")
            }
        }
        let all = try transaction.entries(database)
        if all != numbers {
            note(database.name, "end", nil, "has \(all) entries, of which \(numbers) are dictionaries")
        }
    }
}
