import Threads

/// Numbers keys from 0 on, and finds the number of one: a hash table without references, since each look-up of a dictionary
/// counts those of the keys that it compares, which lie anywhere in memory. What belongs to a key, its owner keeps in an
/// array, by number.
///
/// Copies of the keys follow each other in one array, and another says where; a third, of which at most half is used, has
/// the numbers by hash. All of one hash are found one after the other from its home on.
package struct KeyIndex: Sendable {
    private struct Entry: BitwiseCopyable {
        var keyOffset: Int
        let keyLength: UInt32
        let hash: UInt32
    }

    /// The hash, and one more than the number of a key that has it; 0 for nothing.
    private struct Place: BitwiseCopyable {
        var hash: UInt32 = 0
        var next: UInt32 = 0
    }

    private var keys: [UInt8] = []
    /// Bytes of `keys` that were those of removed keys.
    private var unused = 0
    private var entries: [Entry] = []
    private var places = Array(repeating: Place(), count: 8)

    /// An index without keys.
    package init() {}

    /// How many keys; the numbers are those below.
    package var count: Int { entries.count }
    /// Bytes that the copies of the keys take, with those of removed ones.
    var keyBytes: Int { keys.count }
    /// Bytes in use; as many again may be in reserve.
    package var bytes: Int {
        keys.count + entries.count * MemoryLayout<Entry>.stride + places.count * MemoryLayout<Place>.stride
    }

    /// Where to look for `key`, in any index. Nobody outside can tell which keys have the same.
    package static func hash(_ key: UnsafeRawBufferPointer) -> UInt32 {
        var hasher = Hasher()
        hasher.combine(bytes: key)
        return UInt32(truncatingIfNeeded: hasher.finalize())
    }

    /// The same.
    package static func hash(_ key: Bytes) -> UInt32 { key.withUnsafeBytes { hash($0) } }

    /// The number of `key`, whose hash is `hash`.
    package func find(_ key: UnsafeRawBufferPointer, _ hash: UInt32) -> Int? {
        let next = places[place(of: key, hash)].next
        return next == 0 ? nil : Int(next) - 1
    }

    /// The number of `key`.
    package func find(_ key: Bytes) -> Int? { key.withUnsafeBytes { find($0, Self.hash($0)) } }

    /// The number of `key`, whose hash is `hash`; what was ``count`` before if it is new.
    package mutating func add(_ key: UnsafeRawBufferPointer, _ hash: UInt32) -> Int {
        let place = place(of: key, hash)
        if places[place].next != 0 { return Int(places[place].next) - 1 }
        entries.append(Entry(keyOffset: keys.count, keyLength: UInt32(key.count), hash: hash))
        keys.append(contentsOf: key)
        places[place] = Place(hash: hash, next: UInt32(entries.count))
        if 2 * entries.count > places.count { grow() }
        return entries.count - 1
    }

    /// Removes the key of this number; the last key gets the number.
    package mutating func remove(_ number: Int) {
        clear(place(of: number))
        unused += Int(entries[number].keyLength)
        let last = entries.count - 1
        if number < last {
            places[place(of: last)].next = UInt32(number + 1)
            entries[number] = entries[last]
        }
        entries.removeLast()
        if entries.isEmpty { self = KeyIndex() } else if 2 * unused > keys.count { compact() }
    }

    private func home(of hash: UInt32) -> Int { Int(hash) & (places.count - 1) }

    /// The place that leads to `key`, or that would.
    private func place(of key: UnsafeRawBufferPointer, _ hash: UInt32) -> Int {
        let last = places.count - 1
        var place = home(of: hash)
        while places[place].next != 0 {
            if places[place].hash == hash, isKey(key, entries[Int(places[place].next) - 1]) { break }
            place = (place + 1) & last
        }
        return place
    }

    /// The place that leads to the key of this number.
    private func place(of number: Int) -> Int {
        let last = places.count - 1
        var place = home(of: entries[number].hash)
        while places[place].next != UInt32(number + 1) { place = (place + 1) & last }
        return place
    }

    private func isKey(_ key: UnsafeRawBufferPointer, _ entry: Entry) -> Bool {
        guard Int(entry.keyLength) == key.count else { return false }
        return keys.withUnsafeBytes { keys in
            compareBytes(.init(rebasing: keys[entry.keyOffset...].prefix(key.count)), key) == 0
        }
    }

    /// Makes a place empty, and moves what comes after it back, where that is not before its home: a search ends at an
    /// empty place.
    private mutating func clear(_ place: Int) {
        let last = places.count - 1
        var (hole, place) = (place, (place + 1) & last)
        while places[place].next != 0 {
            let fromHome = (place - home(of: places[place].hash)) & last
            if fromHome >= (place - hole) & last {
                places[hole] = places[place]
                hole = place
            }
            place = (place + 1) & last
        }
        places[hole] = Place()
    }

    private mutating func grow() {
        let old = places
        let last = 2 * old.count - 1
        places = Array(repeating: Place(), count: last + 1)
        for moved in old where moved.next != 0 {
            var place = home(of: moved.hash)
            while places[place].next != 0 { place = (place + 1) & last }
            places[place] = moved
        }
    }

    /// Gives the bytes of removed keys back.
    private mutating func compact() {
        var kept: [UInt8] = []
        kept.reserveCapacity(keys.count - unused)
        for number in entries.indices {
            let start = entries[number].keyOffset
            entries[number].keyOffset = kept.count
            kept.append(contentsOf: keys[start..<start + Int(entries[number].keyLength)])
        }
        (keys, unused) = (kept, 0)
    }
}

extension KeyIndex {
    /// Has what looking for keys with these hashes will read fetched from memory, and appends the numbers that are most
    /// likely found to `numbers`. What is read for one does not depend on another, so many are waited for at a time.
    package func fetch(_ hashes: [UInt32], _ numbers: inout [Int]) {
        fetchPlaces(of: hashes[...])
        fetchKeys(of: hashes[...], &numbers)
    }

    /// The first half of it: what is read first.
    package func fetchPlaces(of hashes: ArraySlice<UInt32>) {
        places.withUnsafeBufferPointer { places in
            for hash in hashes { prefetch(places.baseAddress! + home(of: hash)) }
        }
    }

    /// The second half: the keys.
    package func fetchKeys(of hashes: ArraySlice<UInt32>, _ numbers: inout [Int]) {
        keys.withUnsafeBufferPointer { keys in
            guard let keys = keys.baseAddress else { return }
            for hash in hashes {
                let next = places[home(of: hash)].next
                if next == 0 { continue }
                prefetch(keys + entries[Int(next) - 1].keyOffset)
                numbers.append(Int(next) - 1)
            }
        }
    }
}
