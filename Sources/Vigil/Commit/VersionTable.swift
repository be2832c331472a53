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

        var bytes: Int { index.bytes + numbers.count * MemoryLayout<VersionNumbers>.stride }
    }

    private var parts = Array(repeating: Part(), count: Limits.versionTableParts)
    /// How many keys.
    private(set) var count = 0
    /// Bytes in use.
    private(set) var bytes = 0
    /// For ``fetch(_:)``, kept for its memory.
    private var fetched: [(part: Int, number: Int)] = []

    var isEmpty: Bool { count == 0 }

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
        let before = parts[part].numbers.isEmpty ? 0 : parts[part].bytes
        let number = key.key.withUnsafeBytes { parts[part].index.add($0, key.hash) }
        if number < parts[part].numbers.count {
            parts[part].numbers[number] = new
        } else {
            parts[part].numbers.append(new)
            count += 1
            bytes += parts[part].bytes - before
        }
    }

    /// Has what looking for keys with these hashes will read fetched from memory. What is read for one does not depend on
    /// another, so many are waited for at a time.
    mutating func fetch(_ hashes: [UInt32]) {
        if isEmpty { return }
        for hash in hashes { parts[part(of: hash)].index.fetchPlace(of: hash) }
        fetched.removeAll(keepingCapacity: true)
        for hash in hashes {
            let part = part(of: hash)
            if let number = parts[part].index.fetchKey(of: hash) { fetched.append((part, number)) }
        }
        for (part, number) in fetched {
            parts[part].numbers.withUnsafeBufferPointer { prefetch($0.baseAddress! + number) }
        }
    }
}
