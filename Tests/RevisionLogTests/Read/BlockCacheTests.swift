import Changes
import Testing

@testable import RevisionLog

/// What the cache of blocks keeps.
@Suite struct BlockCacheTests {
    private let bytesKept = 10_000

    /// A block of one record with so many bytes.
    private func block(_ revision: Revision, _ bytes: Int) -> ChangeBatch {
        let value = Bytes([UInt8](repeating: 1, count: bytes))
        let put = WatchEvent(type: .put, key: "k", value: value, revision: revision)
        return ChangeBatch(revision: revision, events: [put])
    }

    private func isKept(_ revision: Revision, in cache: BlockCache) -> Bool {
        !cache.block(revision, recordCount: 1, decode: { block(revision, 1) }).isDecoded
    }

    @Test func largeBlocksTakeThePlaceOfOthers() {
        let cache = BlockCache(bytesKept: bytesKept)
        for revision in 1...Revision(Limits.cachedBlocks) + 1 { #expect(!isKept(revision, in: cache)) }
        #expect(isKept(2, in: cache))
        let half = bytesKept / 2
        for revision in Revision(101)...103 {
            _ = cache.block(revision, recordCount: 1, decode: { block(revision, half) })
        }
        #expect(isKept(103, in: cache))
        #expect(!isKept(101, in: cache) && !isKept(2, in: cache))
    }

    /// One that is larger than all may be is kept until the next comes, or for a while.
    @Test func theLargestIsKeptForAWhile() {
        let cache = BlockCache(bytesKept: bytesKept)
        _ = cache.block(1, recordCount: 1, decode: { block(1, bytesKept + 1) })
        #expect(isKept(1, in: cache))
        #expect(!isKept(2, in: cache) && !isKept(1, in: cache))
        _ = cache.block(3, recordCount: 1, decode: { block(3, bytesKept + 1) })
        cache.rest()
        #expect(!isKept(3, in: cache) && isKept(3, in: cache))
    }

    /// As long as a slow reader has it there is no second one.
    @Test func theLargestIsShared() {
        let cache = BlockCache(bytesKept: bytesKept)
        var mine: ChangeBatch? = cache.block(1, recordCount: 1, decode: { block(1, bytesKept + 1) }).block
        cache.rest()
        _ = cache.block(2, recordCount: 1, decode: { block(2, bytesKept + 1) })
        #expect(isKept(1, in: cache) && mine != nil)
        mine = nil
        #expect(!isKept(1, in: cache))
    }
}
