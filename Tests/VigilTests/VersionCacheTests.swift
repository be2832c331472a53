import Changes
import TestSupport
import Testing

@testable import RevisionLog
@testable import Vigil

@Suite struct VersionCacheTests {
    private func numbers(_ revision: Int) -> VersionNumbers {
        VersionNumbers(modRevision: Revision(revision), createRevision: 1, version: 1)
    }

    private func key(_ number: Int) -> WrittenKey { WrittenKey(Bytes("key/\(number)")) }

    private func withCache(_ bytes: Int, _ body: (VersionCache) throws -> Void) throws {
        try inTemporaryDirectory { path in
            var options = LogOptions()
            options.versionCacheBytes = bytes
            let log = try RevisionLog(path: path, options: options)
            try body(VersionCache(log: log))
            try log.close()
        }
    }

    /// Of an empty log: everything noted could be forgotten at any time.
    @Test func asMuchIsKeptAsThereIsMemoryFor() throws {
        let (bytes, count) = (100 << 10, 50_000)
        try withCache(bytes) { cache in
            for number in 0..<count {
                cache.note(key(number), numbers(number + 1))
                cache.forget()
            }
            let kept = (0..<count).filter { cache.noted(key($0)) != nil }
            #expect(kept.count <= bytes / 56, "a key takes at least 56 bytes")
            // Never less than one generation, of keys that take 72 bytes and nine for themselves.
            #expect(kept.count >= bytes / 2 / 81)
            #expect(kept == Array(count - kept.count..<count), "the newest ones")
            #expect(!cache.isComplete)
        }
    }

    @Test func whatFitsIsComplete() throws {
        try withCache(1 << 20) { cache in
            for number in 0..<5000 {
                cache.note(key(number), numbers(number + 1))
                cache.forget()
            }
            #expect(cache.isComplete)
            #expect((0..<5000).allSatisfy { cache.noted(key($0))?.modRevision == Revision($0 + 1) })
            let other = try cache.latest(key(5000))
            #expect(other == nil)
        }
    }

    /// What was written before the store was opened is looked for where it is.
    @Test func afterAnOpeningItIsNotComplete() throws {
        try inTemporaryDirectory { path in
            var log = try RevisionLog(path: path, options: LogOptions())
            #expect(VersionCache(log: log).isComplete)
            var encoder = RecordEncoder(firstRevision: 1)
            encoder.beginRecord(changes: 1)
            encoder.append(
                type: .put, key: "k", value: "v", createRevision: 1, version: 1, lease: 0, previousRevision: 0)
            try log.append(encoder.finish(milliseconds: 1))
            try log.close()
            log = try RevisionLog(path: path, options: LogOptions())
            let cache = VersionCache(log: log)
            #expect(!cache.isComplete)
            #expect(try cache.latest(WrittenKey("k"))?.modRevision == 1)
            #expect(try cache.latest(WrittenKey("other")) == nil)
            try log.close()
        }
    }
}
