import Changes
import RevisionLog
import Threads

/// The numbers of the newest version of some keys.
struct VersionTable {
    private var index: KeyIndex
    /// By the number that the index gave the key.
    private var numbers: [VersionNumbers] = []
    /// For ``fetch(_:)``, kept for its memory.
    private var fetched: [Int] = []

    /// A table that has room for `count` keys before it grows.
    init(minimumCapacity count: Int = 0) {
        index = KeyIndex(minimumCapacity: count)
        numbers.reserveCapacity(count)
    }

    var count: Int { numbers.count }
    var isEmpty: Bool { numbers.isEmpty }
    /// Bytes in use; 0 while it is empty.
    var bytes: Int { isEmpty ? 0 : index.bytes + numbers.count * MemoryLayout<VersionNumbers>.stride }

    /// The numbers of `key`.
    func find(_ key: WrittenKey) -> VersionNumbers? {
        if isEmpty { return nil }
        return key.key.withUnsafeBytes { index.find($0, key.hash) }.map { numbers[$0] }
    }

    /// Notes or changes the numbers of `key`.
    mutating func set(_ key: WrittenKey, _ new: VersionNumbers) {
        let number = key.key.withUnsafeBytes { index.add($0, key.hash) }
        if number == numbers.count { numbers.append(new) } else { numbers[number] = new }
    }

    /// Has what looking for keys with these hashes will read fetched from memory.
    mutating func fetch(_ hashes: [UInt32]) {
        if isEmpty { return }
        fetched.removeAll(keepingCapacity: true)
        index.fetch(hashes, &fetched)
        numbers.withUnsafeBufferPointer { numbers in
            for number in fetched { prefetch(numbers.baseAddress! + number) }
        }
    }
}
