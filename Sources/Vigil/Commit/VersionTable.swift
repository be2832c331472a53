import Changes
import RevisionLog
import Threads

/// The numbers of the newest version of some keys.
///
/// In parts, by the keys' hashes, each of which grows by itself: to grow is to move all that there is, and every writer
/// would wait for that.
struct VersionTable {
    private struct Part {
        var index = KeyIndex()
        /// By the number that the index gave the key.
        var numbers: [VersionNumbers] = []

        /// 0 while it is empty.
        var bytes: Int {
            numbers.isEmpty ? 0 : index.bytes + numbers.count * MemoryLayout<VersionNumbers>.stride
        }
    }

    private var parts = Array(repeating: Part(), count: Limits.versionTableParts)
    /// How many keys.
    private(set) var count = 0
    /// For ``fetch(_:)``, kept for its memory.
    private var fetched: [Int] = []

    var isEmpty: Bool { count == 0 }
    /// Bytes in use.
    var bytes: Int { parts.reduce(0) { $0 + $1.bytes } }

    /// By the upper bits, since an index finds its places by the lower ones.
    private func part(of hash: UInt32) -> Int { Int((UInt64(hash) * UInt64(Limits.versionTableParts)) >> 32) }

    /// The numbers of `key`.
    func find(_ key: WrittenKey) -> VersionNumbers? {
        if isEmpty { return nil }
        let part = part(of: key.hash)
        return key.key.withUnsafeBytes { parts[part].index.find($0, key.hash) }.map { parts[part].numbers[$0] }
    }

    /// Notes or changes the numbers of `key`.
    mutating func set(_ key: WrittenKey, _ new: VersionNumbers) {
        let part = part(of: key.hash)
        let number = key.key.withUnsafeBytes { parts[part].index.add($0, key.hash) }
        if number == parts[part].numbers.count {
            parts[part].numbers.append(new)
            count += 1
        } else {
            parts[part].numbers[number] = new
        }
    }

    /// Has what looking for keys with these hashes, which are sorted, will read fetched from memory. What is read for one
    /// does not depend on another, so many are waited for at a time.
    mutating func fetch(_ hashes: [UInt32]) {
        if isEmpty { return }
        forEachPart(of: hashes) { part, hashes in parts[part].index.fetchPlaces(of: hashes) }
        var fetched: [Int] = []
        swap(&self.fetched, &fetched)
        forEachPart(of: hashes) { part, hashes in
            fetched.removeAll(keepingCapacity: true)
            parts[part].index.fetchKeys(of: hashes, &fetched)
            parts[part].numbers.withUnsafeBufferPointer { numbers in
                for number in fetched { prefetch(numbers.baseAddress! + number) }
            }
        }
        swap(&self.fetched, &fetched)
    }

    private func forEachPart(of hashes: [UInt32], _ body: (Int, ArraySlice<UInt32>) -> Void) {
        var rest = hashes[...]
        while let first = rest.first {
            let part = part(of: first)
            let mine = rest.prefix { self.part(of: $0) == part }
            body(part, mine)
            rest = rest[mine.endIndex...]
        }
    }
}
