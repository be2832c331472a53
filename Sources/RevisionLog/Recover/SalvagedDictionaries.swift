import LMDB

/// The dictionaries of a damaged store, wherever one is: in the last commit of LMDB or the one before, in either of their
/// places, or in a leaf that no tree leads to. Since none ever changes, whichever is intact is the right one.
struct SalvagedDictionaries {
    private var found: [UInt64: ValueDictionary] = [:]
    /// What is wrong with single entries.
    private(set) var damage: [String] = []

    /// Those of a store without a data file.
    init() {}

    init(_ data: DataFileSalvage) throws {
        for snapshot in data.snapshots {
            for name in ["dictionaries", "meta"] {
                for entry in snapshot.trees[name]?.entries ?? [] where entry.key != Meta.key {
                    if try !take(entry, data) {
                        damage.append("data.mdb, tree \(name): the entry at byte \(entry.value.lowerBound) is damaged")
                    }
                }
            }
        }
        for entry in data.strays { _ = try take(entry, data) }
    }

    private mutating func take(_ entry: DataFileSalvage.Entry, _ data: DataFileSalvage) throws -> Bool {
        // A length that is damaged must not make anybody reserve memory for it.
        guard entry.value.count <= ValueDictionary.headBytes + Limits.dictionaryBytes.upperBound else { return false }
        let value = try data.read(entry.value)
        let dictionary = entry.key.withUnsafeBytes { key in
            value.withUnsafeBytes { try? ValueDictionary($0, key: key) }
        }
        if let dictionary { found[UInt64(dictionary.number)] = dictionary }
        return dictionary != nil
    }

    /// The dictionary that a value needs.
    func find(_ number: UInt64) throws(Malformed) -> ValueDictionary {
        guard let dictionary = found[number] else { throw .missing(dictionary: number) }
        return dictionary
    }
}
