import Changes
import Foundation
import LMDB
import TestSupport
import Testing
import Threads

@testable import RevisionLog

/// Writes puts and deletes as the committer would.
struct LogWriterDouble {
    let log: RevisionLog

    /// One revision with one change.
    func put(_ key: Bytes, _ value: Bytes, milliseconds: Int64? = nil) throws {
        let latest = try log.reader.latest(key)?.numbers
        try append(key, KeyVersion(putting: value, at: log.reader.head + 1, after: latest), milliseconds: milliseconds)
    }

    func delete(_ key: Bytes) throws {
        let latest = try #require(try log.reader.latest(key))
        try append(key, KeyVersion(deletingAt: log.reader.head + 1, after: latest.modRevision))
    }

    /// One revision with one change, be it right or wrong.
    func append(_ key: Bytes, _ version: KeyVersion, milliseconds: Int64? = nil) throws {
        var encoder = RecordEncoder(firstRevision: log.reader.head + 1)
        encoder.beginRecord(changes: 1)
        encoder.append(
            type: version.type, key: key, value: version.value, createRevision: version.createRevision,
            version: version.version, lease: 0, previousRevision: version.previousRevision)
        try log.append(encoder.finish(milliseconds: milliseconds ?? 1_700_000_000_000 + log.reader.head))
    }
}

/// Small enough that segments turn and checkpoints happen.
func smallOptions() -> LogOptions {
    var options = LogOptions()
    options.segmentBytes = 64 << 10
    options.transactionBytes = 16 << 10
    options.checkpointBytes = 12 << 10
    options.pendingBytes = 64 << 10
    options.segments = 4
    options.mapBytes = 1 << 20
    return options
}

func compact(_ log: RevisionLog, through revision: Revision) throws {
    let done = Monitor<Result<Void, StoreError>?>(nil)
    log.compact(through: revision) { result in done.notify { $0 = result } }
    try done.wait { $0 }!.get()
}

/// Of the thread that asks.
private func threadNumber() -> UInt { UInt(bitPattern: pthread_self().hashValue) }

@Suite struct RevisionLogTests {
    @Test func keepsWhatWasAppendedOverReopening() throws {
        try inTemporaryDirectory { path in
            var log = try RevisionLog(path: path, options: smallOptions())
            for index in 1...2000 {
                try LogWriterDouble(log: log).put(Bytes("key-\(index % 50)"), Bytes("value-\(index)"))
            }
            try log.close()
            log = try RevisionLog(path: path, options: smallOptions())
            #expect(log.reader.head == 2000)
            #expect(try log.reader.get("key-7", at: nil)?.value == "value-1957")
            #expect(try log.reader.get("key-7", at: 1000)?.value == "value-957")
            #expect(try log.reader.check(deep: true, progress: nil).problems == [])
            #expect(try log.reader.scan(nil, from: 1, through: 2000).updates.first?.revision == 1)
            try log.close()
        }
    }

    @Test func whatIsLetGoIsFreedOnAnotherThread() throws {
        final class Garbage: Sendable {
            let freed: Monitor<UInt?>
            init(_ freed: Monitor<UInt?>) { self.freed = freed }
            deinit { freed.notify { $0 = threadNumber() } }
        }
        try inTemporaryDirectory { path in
            let log = try RevisionLog(path: path, options: smallOptions())
            let freed = Monitor<UInt?>(nil)
            log.letGo(Garbage(freed))
            #expect(freed.wait { $0 } != threadNumber())
            try log.close()
            // There is no other any more.
            log.letGo(Garbage(freed))
            #expect(freed.withLock { $0 } == threadNumber())
        }
    }

    /// Who finds no room waits for the checkpoint that is under way, if that makes enough of it, and not for another.
    @Test(.timeLimit(.minutes(1))) func roomIsThereWhenTheCheckpointUnderWayHasMadeIt() async throws {
        try await withTemporaryDirectory { path in
            var options = LogOptions()
            options.checkpointBytes = 512 << 10
            options.pendingBytes = 768 << 10
            options.checkpointInterval = .seconds(3600)
            let log = try RevisionLog(path: path, options: options)
            func put(_ kibibytes: Int) throws {
                try LogWriterDouble(log: log).put("k", Bytes([UInt8](repeating: 1, count: kibibytes << 10)))
            }
            // LMDB's lock for writing holds the first checkpoint up.
            let (isLocked, isFree) = (Monitor(false), Monitor(false))
            let locking = OSThread {
                try? log.reader.environment.withWrite { _ in
                    isLocked.notify { $0 = true }
                    isFree.wait { $0 ? true : nil }
                }
            }
            isLocked.wait { $0 ? true : nil }
            try put(520)
            try await until { !log.reader.snapshot.frozen.isEmpty }
            try put(200)
            #expect(!log.appendsAtOnce(load: 100 << 10, stored: 100 << 10))
            let unlocking = OSThread { isFree.notify { $0 = true } }
            try put(100)
            #expect(log.metrics.checkpoints.count == 1)
            for thread in [locking, unlocking] { thread.join() }
            try log.close()
            #expect(log.metrics.checkpoints.count == 2)
        }
    }

    @Test func aDeepCheckFollowsTheChainsThatAreNotCheckpointed() throws {
        try inTemporaryDirectory { path in
            var options = smallOptions()
            options.checkpointInterval = .seconds(3600)
            let log = try RevisionLog(path: path, options: options)
            let writer = LogWriterDouble(log: log)
            for key: Bytes in ["a", "b", "gone"] { try writer.put(key, "1") }
            try writer.delete("gone")
            try writer.put("b", "2")
            try log.checkpoint()
            try compact(log, through: 5)
            for key: Bytes in ["a", "b", "c", "a", "gone", "c"] { try writer.put(key, "3") }
            let clean = try log.reader.check(deep: true, progress: nil)
            #expect(clean.problems == [] && clean.keys == 4 && clean.revisions == 7)

            try writer.append("a", KeyVersion(putting: "4", at: 12, after: nil))
            let found = try log.reader.check(deep: true, progress: nil).problems
            #expect(found.map(\.part) == ["journal"] && found.first?.revision == 12, "\(found)")
            #expect(try log.reader.check(deep: false, progress: nil).isClean)
            try log.close()
        }
    }

    @Test func compactionKeepsWhatIsAfterIt() throws {
        try inTemporaryDirectory { path in
            let log = try RevisionLog(path: path, options: smallOptions())
            let writer = LogWriterDouble(log: log)
            try writer.put("quiet", "1")
            try writer.put("gone", "1")
            try writer.delete("gone")
            for index in 4...1000 { try writer.put(Bytes("key-\(index % 50)"), Bytes("value-\(index)")) }
            try compact(log, through: 500)
            #expect(try log.reader.get("quiet", at: 500)?.value == "1")
            #expect(try log.reader.get("key-7", at: 500)?.value == "value-457")
            #expect(try log.reader.get("gone", at: nil) == nil)
            #expect(throws: StoreError.compacted(requested: 499, earliest: 500)) {
                try log.reader.get("quiet", at: 499)
            }
            try writer.put("quiet", "2")
            try log.checkpoint()
            #expect(try log.reader.get("quiet", at: 700)?.value == "1")
            #expect(try log.reader.check(deep: true, progress: nil).problems == [])
            try log.close()
        }
    }
}
