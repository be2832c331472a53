import Changes
import LMDB

/// Decides with which dictionary values are compressed on their way into `state` and `base`, and makes those.
///
/// Now and then a checkpoint takes that of the store's dictionaries which makes samples of what was written lately smallest,
/// or none, or makes another if that is better by far. For the checkpointer's thread only.
final class ValuePacker {
    /// Nil if values are compressed by themselves.
    private(set) var current: DictionaryCompressor?
    /// Those that LMDB does not have yet: the next transaction must write them.
    private(set) var unwritten: [ValueDictionary] = []
    private var known: [DictionaryCompressor] = []
    private var highest: UInt32 = 0
    private var samples = ValueSamples()
    private var isLoaded = false
    /// `LogOptions.dictionaryLookBytes`.
    private let lookBytes: Int

    init(lookBytes: Int) {
        self.lookBytes = lookBytes
    }

    /// Takes what the store has, once. The newest counts until there are samples.
    func load(_ environment: Environment, _ databases: Databases) throws {
        guard !isLoaded else { return }
        known = []
        try environment.withRead { transaction in
            for number in 1...UInt32(Limits.dictionaries) {
                let entries = try transaction.dictionaryEntries(number, databases)
                if !entries.isEmpty { highest = number }
                // One that is damaged twice is of no use, and a check says so.
                if let dictionary = entries.intact { known.append(DictionaryCompressor(dictionary)) }
            }
        }
        current = known.last
        isLoaded = true
    }

    /// Looks at what the next checkpoint writes, the changes after `checkpoint`, and decides.
    func prepare(_ recent: RecentBatches, after checkpoint: Revision) {
        guard lookBytes < .max else { return }
        samples.take(from: recent, after: checkpoint)
        guard samples.seenBytes >= lookBytes else { return }
        choose()
        samples.beginAnew()
    }

    /// To be called when a transaction that wrote ``unwritten`` has committed.
    func written() { unwritten = [] }

    private func choose() {
        let tests = samples.tests
        let raw = tests.reduce(0) { $0 + $1.count }
        func size(_ compressor: DictionaryCompressor?) -> Int {
            tests.reduce(0) { $0 + (PackedValue($1, compressor)?.bytes.count ?? $1.count) }
        }
        var best: (compressor: DictionaryCompressor?, size: Int) = (nil, size(nil))
        for compressor in known {
            let size = size(compressor)
            if size < best.size { best = (compressor, size) }
        }
        current = best.compressor
        let bytes = samples.dictionary
        guard raw > 0, !bytes.isEmpty, highest < Limits.dictionaries else { return }
        let another = DictionaryCompressor(ValueDictionary(number: highest + 1, bytes: bytes))
        let gain = best.size - size(another)
        let saved = Double(gain) / Double(raw) * Double(samples.seenBytes)
        // It is stored twice.
        let cost = 2 * another.dictionary.encoded().count
        guard gain >= best.size / Limits.dictionaryGain, saved >= Double(Limits.dictionaryWorth * cost) else { return }
        highest += 1
        known.append(another)
        unwritten.append(another.dictionary)
        current = another
    }
}

extension Transaction where Access == WriteAccess {
    /// Writes the dictionaries that `values` has made.
    borrowing func put(_ values: ValuePacker, _ databases: Databases) throws {
        for dictionary in values.unwritten { try put(dictionary.key, dictionary.encoded(), databases) }
    }

    private borrowing func put(_ key: [UInt8], _ entry: [UInt8], _ databases: Databases) throws {
        try key.withUnsafeBytes { key in
            try entry.withUnsafeBytes { try put(dictionary: key, $0, databases) }
        }
    }

    /// Puts a dictionary's entry into both places.
    borrowing func put(
        dictionary key: UnsafeRawBufferPointer, _ entry: UnsafeRawBufferPointer, _ databases: Databases
    ) throws {
        try put(databases.dictionaries!, key, entry)
        try put(databases.meta, key, entry)
    }
}
