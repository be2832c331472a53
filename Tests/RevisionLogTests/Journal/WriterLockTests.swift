import Changes
import Foundation
import Testing

@testable import RevisionLog

@Suite(.timeLimit(.minutes(1))) struct WriterLockTests {
    @Test func oneWriterAtATime() throws {
        let directory = try JournalDirectory()
        let first = try WriterLock(directory: directory.path)
        try first.publish(head: 1)
        let error = storeError { _ = try WriterLock(directory: directory.path) }
        #expect(error?.code == .locked)
        #expect(error?.message.contains("in process \(getpid());") == true)
        first.release()
        try WriterLock(directory: directory.path).release()
    }

    @Test func theLockEndsWithItsLastReference() throws {
        let directory = try JournalDirectory()
        for _ in 0..<2 { _ = try WriterLock(directory: directory.path) }
    }

    /// Whoever repairs the store after the error must be able to open it, in this process too.
    @Test func aStoreThatCannotBeOpenedIsNotLeftLocked() throws {
        let directory = try JournalDirectory()
        try RevisionLog(path: directory.path, options: smallOptions()).close()
        let good = try directory.read()
        var frame: [UInt8] = []
        let header = FrameHeader(codec: 0, rawLength: 0, firstRevision: 1, recordCount: 1, milliseconds: 0)
        header.write([], into: &frame)
        try directory.write(frame + good.dropFirst(frame.count))
        for _ in 0..<2 {
            let error = storeError { _ = try RevisionLog(path: directory.path, options: smallOptions()) }
            #expect(error?.code == .damaged)
        }
        try directory.write(good)
        try RevisionLog(path: directory.path, options: smallOptions()).close()
    }

    @Test func aReaderSeesTheHeadAndWhetherTheWriterLives() throws {
        let directory = try JournalDirectory()
        #expect(storeError { _ = try LockFile(directory: directory.path) }?.code == .io)
        var lock = try WriterLock(directory: directory.path)
        let file = try LockFile(directory: directory.path)
        #expect(file.head == 0)
        #expect(file.whileUnwritten { true } == nil)
        for head: Revision in [0, 1, 255, 1 << 40, 5] {
            try lock.publish(head: head)
            #expect(file.head == head)
        }
        lock.release()
        #expect(file.head == 5)
        #expect(file.whileUnwritten { file.head } == 5)
        // Having looked, the reader is not in the way of the next writer.
        lock = try WriterLock(directory: directory.path)
        #expect(file.whileUnwritten { true } == nil)
        lock.release()
    }

    @Test func aHalfWrittenHeadIsNone() throws {
        let directory = try JournalDirectory()
        let lock = try WriterLock(directory: directory.path)
        try lock.publish(head: 77)
        let raw = try FileHandle(forUpdating: URL(fileURLWithPath: "\(directory.path)/lock"))
        try raw.write(contentsOf: [78])
        let file = try LockFile(directory: directory.path)
        #expect(file.head == 0)
        try lock.publish(head: 78)
        #expect(file.head == 78)
        try raw.truncate(atOffset: 11)
        #expect(file.head == 0)
        lock.release()
    }

    @Test func theWatcherWakesForEachPublishedHead() async throws {
        let directory = try JournalDirectory()
        let lock = try WriterLock(directory: directory.path)
        let watcher = try HeadWatcher(directory: directory.path)
        let file = try LockFile(directory: directory.path)
        let heads: ClosedRange<Revision> = 1...200
        async let seen: [Revision] = Self.onThread {
            var seen: [Revision] = []
            while seen.last != heads.upperBound {
                watcher.wait(milliseconds: 60_000)
                let head = file.head
                if head > 0 { seen.append(head) }
            }
            return seen
        }
        for head in heads {
            try lock.publish(head: head)
            if head % 10 == 0 { await Task.yield() }
        }
        let all = await seen
        #expect(all == all.sorted())
        lock.release()
    }

    /// It returns long before the time is over, or the time limit ends the test.
    @Test func theWatcherCanBeWoken() async throws {
        let directory = try JournalDirectory()
        let lock = try WriterLock(directory: directory.path)
        let watcher = try HeadWatcher(directory: directory.path)
        async let woken: Void = Self.onThread { watcher.wait(milliseconds: 600_000) }
        watcher.wake()
        await woken
        // A wake before the wait counts, and several count once.
        for _ in 0..<3 { watcher.wake() }
        watcher.wait(milliseconds: 600_000)
        let before = ContinuousClock.now
        watcher.wait(milliseconds: 20)
        #expect(ContinuousClock.now - before >= .milliseconds(20))
        try lock.publish(head: 1)
        watcher.wait(milliseconds: 600_000)
        lock.release()
    }

    @Test func nothingToWatchIsAnError() throws {
        let directory = try JournalDirectory()
        #expect(storeError { _ = try HeadWatcher(directory: directory.path) }?.code == .io)
    }

    /// Blocks a thread of the pool, which has two at least.
    @concurrent private static func onThread<R: Sendable>(_ body: @Sendable () -> R) async -> R { body() }
}
