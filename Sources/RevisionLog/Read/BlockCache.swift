import Changes
import Synchronization
import Threads

/// The blocks decoded last, shared by all readers: those that walk a version chain come back to the same ones, and
/// those that replay the same range read each once. A block is known by its first revision and its number of records:
/// sealing replaces it by a longer one, while old transactions still see the shorter.
final class BlockCache: Sendable {
    /// Newest last. Few, so a list is as quick as a table.
    private let blocks = Lock<[ChangeBatch]>([])
    /// Held while a block is decoded; which one, its first revision says.
    private let turns = (0..<Limits.decodingTurns).map { _ in Lock(()) }
    private let count = Atomic<Int>(0)
    /// Bytes of blocks that are kept, unless it is but one.
    private let bytesKept: Int

    init(bytesKept: Int = Limits.cachedBytes) {
        self.bytesKept = bytesKept
    }

    /// How many blocks were decoded so far.
    var decodedCount: Int { count.load(ordering: .relaxed) }

    /// The block of `recordCount` records from `firstRevision` on, from `decode` unless it is here. Who wants what another is
    /// just decoding waits for that one: it takes as long as to do the same, and leaves the core to others.
    func block<E>(
        _ firstRevision: Revision, recordCount: Int, decode: () throws(E) -> ChangeBatch
    ) throws(E) -> (block: ChangeBatch, isDecoded: Bool) {
        if let found = find(firstRevision, recordCount) { return (found, false) }
        let turn = Int(UInt64(bitPattern: firstRevision) % UInt64(turns.count))
        return try turns[turn].withLock { _ throws(E) in
            if let found = find(firstRevision, recordCount) { return (found, false) }
            let block = try decode()
            count.add(1, ordering: .relaxed)
            insert(block)
            return (block, true)
        }
    }

    /// Lets go of a block that alone is larger than what is kept of others. To be called now and then.
    func rest() {
        blocks.withLock { $0.removeAll { $0.storage.count > bytesKept } }
    }

    private func find(_ firstRevision: Revision, _ recordCount: Int) -> ChangeBatch? {
        blocks.withLock { blocks in
            let index = blocks.lastIndex { $0.firstRevision == firstRevision && $0.recordCount == recordCount }
            guard let index else { return nil }
            let block = blocks[index]
            if index < blocks.count / 2 {
                blocks.remove(at: index)
                blocks.append(block)
            }
            return block
        }
    }

    private func insert(_ block: ChangeBatch) {
        blocks.withLock { blocks in
            blocks.append(block)
            var bytes = blocks.reduce(0) { $0 + $1.storage.count }
            while blocks.count > Limits.cachedBlocks || blocks.count > 1 && bytes > bytesKept {
                bytes -= blocks.removeFirst().storage.count
            }
        }
    }
}
