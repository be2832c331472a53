import LMDB
import Threads

/// The dictionaries of a store, for those who read values, each read once.
final class Dictionaries: Sendable {
    private let known = Lock<[ValueDictionary?]>(Array(repeating: nil, count: Limits.dictionaries))

    /// Dictionary `number`, which `transaction` finds if an entry that it sees needs it.
    func find(
        _ number: UInt64, _ databases: Databases, _ transaction: borrowing ReadTransaction
    ) throws(Malformed) -> ValueDictionary {
        guard (1...UInt64(Limits.dictionaries)).contains(number) else { throw .missing(dictionary: number) }
        let index = Int(number) - 1
        if let found = known.withLock({ $0[index] }) { return found }
        let entries: DictionaryEntries
        do {
            entries = try transaction.dictionaryEntries(UInt32(number), databases)
        } catch {
            throw Malformed("dictionary \(number) cannot be read: \(error)")
        }
        guard let found = entries.intact else { throw .missing(dictionary: number) }
        known.withLock { $0[index] = found }
        return found
    }
}

extension Malformed {
    static func missing(dictionary number: UInt64) -> Malformed {
        Malformed("dictionary \(number), which its value needs, is missing or damaged")
    }
}

/// What a store has under the number of a dictionary.
struct DictionaryEntries {
    /// Of `dictionaries`, and of `meta`; nil for one that is damaged.
    fileprivate(set) var found: [(database: String, dictionary: ValueDictionary?)] = []

    var isEmpty: Bool { found.isEmpty }
    /// The dictionary, from the first entry that is not damaged.
    var intact: ValueDictionary? { found.lazy.compactMap(\.dictionary).first }
}

extension Transaction {
    /// What there is under `number`; nothing in a store of an older format.
    borrowing func dictionaryEntries(_ number: UInt32, _ databases: Databases) throws -> DictionaryEntries {
        var entries = DictionaryEntries()
        guard let dictionaries = databases.dictionaries else { return entries }
        for database in [dictionaries, databases.meta] {
            try withUnsafeBytes(of: number.bigEndian) { key in
                guard let entry = try get(database, key) else { return }
                entries.found.append((database.name, try? ValueDictionary(entry, key: key)))
            }
        }
        return entries
    }
}
