extension ChangeBatch {
    /// Changes of a record from which on it is worth knowing whether their keys ascend.
    private static let searchedChanges = 64

    /// The records with very many changes whose keys ascend, so that one need not be looked for among all.
    static func ascendingRecords(_ storage: [UInt8], _ entries: [ChangeEntry], _ recordStarts: [UInt32]) -> Set<Int> {
        // Most batches are far too small to have one.
        guard entries.count - recordStarts.count + 2 >= searchedChanges else { return [] }
        return storage.withUnsafeBytes { storage in
            func key(_ index: Int) -> UnsafeRawBufferPointer {
                let start = Int(entries[index].keyOffset)
                return UnsafeRawBufferPointer(rebasing: storage[start..<start + Int(entries[index].keyLength)])
            }
            return Set(
                recordStarts.indices.dropLast().filter { record in
                    let indices = Int(recordStarts[record])..<Int(recordStarts[record + 1])
                    return indices.count >= searchedChanges
                        && indices.dropFirst().allSatisfy { compareBytes(key($0 - 1), key($0)) < 0 }
                })
        }
    }

    /// The entry that changes `key` in `revision`; nil if none does, or the revision is not in the batch.
    package func index(of key: Bytes, in revision: Revision) -> Int? {
        guard firstRevision <= revision, revision <= lastRevision else { return nil }
        let record = Int(revision - firstRevision)
        let indices = entryIndices(ofRecord: record)
        return key.withUnsafeBytes { wanted in
            guard isAscending(record) else {
                return indices.first { index in withKey(index) { compareBytes($0, wanted) == 0 } }
            }
            var (low, high) = (indices.lowerBound, indices.upperBound)
            while low < high {
                let middle = (low + high) / 2
                let order = withKey(middle) { compareBytes($0, wanted) }
                if order == 0 { return middle }
                if order < 0 { low = middle + 1 } else { high = middle }
            }
            return nil
        }
    }
}
