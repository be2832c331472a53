import Changes
import Threads

/// The blocks decoded last, shared by all readers: those that walk a version chain come back to the same ones, and
/// those that replay the same range read each once.
final class BlockCache: Sendable {
    /// Newest last. Few, so a list is as quick as a table.
    private let blocks = Lock<[ChangeBatch]>([])

    /// The block that begins at `firstRevision`, or nil.
    func find(_ firstRevision: Revision) -> ChangeBatch? {
        blocks.withLock { blocks in
            guard let index = blocks.lastIndex(where: { $0.firstRevision == firstRevision }) else { return nil }
            let block = blocks[index]
            if index < blocks.count / 2 {
                blocks.remove(at: index)
                blocks.append(block)
            }
            return block
        }
    }

    func insert(_ block: ChangeBatch) {
        blocks.withLock { blocks in
            if blocks.count == Limits.cachedBlocks { blocks.removeFirst() }
            blocks.append(block)
        }
    }
}
