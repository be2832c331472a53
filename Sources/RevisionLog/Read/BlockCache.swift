import Changes
import Synchronization
import Threads

/// The blocks decoded last, shared by all readers: those that walk a version chain come back to the same ones, and
/// those that replay the same range read each once. A block is known by its first revision and its number of records:
/// sealing replaces it by a longer one, while old transactions still see the shorter.
final class BlockCache: Sendable {
    /// A block that is larger than all that may be kept: as long as somebody has it, others share it.
    private struct Large {
        weak let block: ChangeBatch?
    }

    private struct Blocks {
        /// Newest last. Few, so a list is as quick as a table.
        var kept: [ChangeBatch] = []
        var large: [Large] = []
    }

    private let blocks = Lock(Blocks())
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
        blocks.withLock { $0.kept.removeAll { $0.storage.count > bytesKept } }
    }

    private func find(_ firstRevision: Revision, _ recordCount: Int) -> ChangeBatch? {
        func isWanted(_ block: ChangeBatch) -> Bool {
            block.firstRevision == firstRevision && block.recordCount == recordCount
        }
        return blocks.withLock { blocks in
            guard let index = blocks.kept.lastIndex(where: isWanted) else {
                return blocks.large.lazy.compactMap(\.block).first(where: isWanted)
            }
            let block = blocks.kept[index]
            if index < blocks.kept.count / 2 {
                blocks.kept.remove(at: index)
                blocks.kept.append(block)
            }
            return block
        }
    }

    private func insert(_ block: ChangeBatch) {
        blocks.withLock { blocks in
            blocks.kept.append(block)
            var bytes = blocks.kept.reduce(0) { $0 + $1.storage.count }
            while blocks.kept.count > Limits.cachedBlocks || blocks.kept.count > 1 && bytes > bytesKept {
                bytes -= blocks.kept.removeFirst().storage.count
            }
            guard block.storage.count > bytesKept else { return }
            blocks.large.removeAll { $0.block == nil }
            blocks.large.append(Large(block: block))
        }
    }
}
