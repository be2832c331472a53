import Changes
import RevisionLog
import Threads

/// The numbers of the newest version of some keys: a hash table without references, since each look-up of a dictionary
/// counts those of the keys that it compares, which lie anywhere in memory.
///
/// Copies of the keys follow each other in one array, the numbers in another; a third, of which at most half is used, says
/// where in that one a key with some hash is. All of one hash are found one after the other from its place on.
struct VersionTable {
    private struct Entry: BitwiseCopyable {
        let hash: UInt64
        let keyOffset: Int
        let keyLength: Int
        var numbers: VersionNumbers
    }

    /// The upper half of a hash, and one more than the index of an entry with it; 0 for nothing.
    private struct Place: BitwiseCopyable {
        var hash: UInt32 = 0
        var number: UInt32 = 0
    }

    private var keys: [UInt8] = []
    private var entries: [Entry] = []
    private var places: [Place]

    /// A table that has room for `count` keys before it grows.
    init(minimumCapacity count: Int = 0) {
        places = Array(repeating: Place(), count: max(8, (2 * count).roundedUpToPowerOfTwo))
        entries.reserveCapacity(count)
    }

    var count: Int { entries.count }
    var isEmpty: Bool { entries.isEmpty }

    /// Where to look for `key`, in any table. Nobody outside can tell which keys have the same.
    static func hash(_ key: Bytes) -> UInt64 {
        UInt64(truncatingIfNeeded: key.hashValue)
    }

    /// The numbers of `key`, whose hash is `hash`.
    func find(_ key: Bytes, _ hash: UInt64) -> VersionNumbers? {
        let place = places[place(of: key, hash)]
        return place.number == 0 ? nil : entries[Int(place.number) - 1].numbers
    }

    /// Has the places fetched from memory from which on `hashes` are looked for, then the entries and keys that are most
    /// likely found there. What is read for one does not depend on another, so many are waited for at a time.
    func fetch(_ hashes: some Sequence<UInt64>) {
        places.withUnsafeBufferPointer { places in
            for hash in hashes { prefetch(places.baseAddress! + home(of: hash)) }
        }
        entries.withUnsafeBufferPointer { entries in
            keys.withUnsafeBufferPointer { keys in
                guard let keys = keys.baseAddress else { return }
                for hash in hashes {
                    let number = Int(places[home(of: hash)].number)
                    if number > 0 { prefetch(keys + entries[number - 1].keyOffset) }
                }
            }
        }
    }

    private func home(of hash: UInt64) -> Int { Int(truncatingIfNeeded: hash) & (places.count - 1) }

    /// Notes or changes the numbers of `key`, whose hash is `hash`.
    mutating func set(_ key: Bytes, _ hash: UInt64, _ numbers: VersionNumbers) {
        let place = place(of: key, hash)
        if places[place].number != 0 {
            entries[Int(places[place].number) - 1].numbers = numbers
            return
        }
        entries.append(Entry(hash: hash, keyOffset: keys.count, keyLength: key.count, numbers: numbers))
        key.withUnsafeBytes { keys.append(contentsOf: $0) }
        places[place] = Place(hash: UInt32(hash >> 32), number: UInt32(entries.count))
        if 2 * entries.count > places.count { grow() }
    }

    /// The place that leads to `key`, or that would.
    private func place(of key: Bytes, _ hash: UInt64) -> Int {
        let last = places.count - 1
        var place = home(of: hash)
        while places[place].number != 0 {
            if places[place].hash == UInt32(hash >> 32), isKey(key, entries[Int(places[place].number) - 1]) { break }
            place = (place + 1) & last
        }
        return place
    }

    private func isKey(_ key: Bytes, _ entry: Entry) -> Bool {
        guard entry.keyLength == key.count else { return false }
        return keys.withUnsafeBytes { keys in
            key.withUnsafeBytes { compareBytes(.init(rebasing: keys[entry.keyOffset...].prefix(key.count)), $0) == 0 }
        }
    }

    private mutating func grow() {
        let last = 2 * places.count - 1
        places = Array(repeating: Place(), count: last + 1)
        for (index, entry) in entries.enumerated() {
            var place = Int(truncatingIfNeeded: entry.hash) & last
            while places[place].number != 0 { place = (place + 1) & last }
            places[place] = Place(hash: UInt32(entry.hash >> 32), number: UInt32(index + 1))
        }
    }
}

extension Int {
    fileprivate var roundedUpToPowerOfTwo: Int { self <= 1 ? 1 : 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount) }
}
