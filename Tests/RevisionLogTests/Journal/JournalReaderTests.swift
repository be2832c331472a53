import Changes
import Testing
import Threads

@testable import RevisionLog

@Suite(.timeLimit(.minutes(2))) struct JournalReaderTests {
    func collect(_ reader: inout JournalReader, from revision: Revision) throws -> [ChangeBatch] {
        var batches: [ChangeBatch] = []
        while let batch = try reader.next(batches.last.map { $0.lastRevision + 1 } ?? revision) {
            batches.append(batch)
        }
        return batches
    }

    @Test func readsOnFromWhereAScanEnded() throws {
        let directory = try JournalDirectory()
        let (journal, _) = try openJournal(directory)
        for index: Revision in 0..<60 { try journal.append(batch(index * 2 + 1, bytes: 2000, records: 2)) }
        #expect(journal.segmentCount == 2)
        for head: Revision in [2, 60, 66, 68, 120] {
            var reader = try JournalReader(directory: directory.path, storeTag: 7)
            #expect(try reader.scan(after: 0, through: head, isLive: true).isExactly(1..<head + 1))
            #expect(try collect(&reader, from: head + 1).isExactly(head + 1..<121))
        }
        var reader = try JournalReader(directory: directory.path, storeTag: 7)
        // A frame of which the last revision is not visible yet is not delivered.
        #expect(try reader.scan(after: 0, through: 81, isLive: true).isExactly(1..<81))
        #expect(try reader.scan(after: 100, through: 120, isLive: false).isExactly(101..<121))
        // Where no frame begins.
        #expect(try reader.next(82) == nil)
        // Of another store.
        reader = try JournalReader(directory: directory.path, storeTag: 8)
        #expect(try reader.next(1) == nil)
    }

    @Test func anEmptyDirectoryHasNothing() throws {
        let directory = try JournalDirectory()
        var reader = try JournalReader(directory: directory.path, storeTag: 7)
        #expect(try reader.next(1) == nil)
        #expect(try reader.scan(after: 0, through: .max, isLive: false).isEmpty)
        try reader.flush()
    }

    @Test func goesOnWithTheNextWriter() throws {
        let directory = try JournalDirectory()
        var reader = try JournalReader(directory: directory.path, storeTag: 7)
        for round in 0..<5 {
            let first = Revision(round * 40 + 1)
            let (journal, _) = try openJournal(directory)
            for revision in first..<first + 40 { try journal.append(batch(revision, bytes: 500)) }
            #expect(try collect(&reader, from: first).isExactly(first..<first + 40))
        }
    }

    /// Writers who close the store, which takes segments away under the reader.
    @Test func goesOnAfterAClosing() throws {
        let directory = try JournalDirectory()
        var reader = try JournalReader(directory: directory.path, storeTag: 7)
        var (next, epoch) = (Revision(1), UInt64(0))
        for round in 0..<6 {
            let (journal, _) = try openJournal(directory, checkpoint: next - 1, closedEpoch: epoch, firstBytes: 4096)
            // First frames with room in the first segment, and without.
            try journal.append(batch(next, bytes: round % 2 == 0 ? 500 : 5000))
            for revision in next + 1..<next + 40 { try journal.append(batch(revision, bytes: 500)) }
            #expect(journal.segmentCount > 1)
            #expect(try collect(&reader, from: next).isExactly(next..<next + 40))
            next += 40
            journal.release(through: next - 1)
            epoch = try #require(journal.closingEpoch)
            try journal.trim()
            #expect(try reader.next(next) == nil)
            #expect(try reader.scan(after: next - 1, through: .max, isLive: false).isEmpty)
        }
    }

    @Test func whatWasOverwrittenIsNotFound() throws {
        let directory = try JournalDirectory()
        let (journal, _) = try openJournal(directory)
        var next: Revision = 1
        while journal.hasRoom(for: 3100) {
            try journal.append(batch(next, bytes: 3000))
            next += 1
        }
        var reader = try JournalReader(directory: directory.path, storeTag: 7)
        #expect(try reader.scan(after: 0, through: 5, isLive: true).isExactly(1..<6))
        journal.release(through: next - 1)
        for revision in next..<next + 50 { try journal.append(batch(revision, bytes: 3000)) }
        #expect(try reader.next(6) == nil)
        #expect(try reader.scan(after: 5, through: next + 49, isLive: true).isEmpty)
        let recent = try reader.scan(after: next + 9, through: next + 49, isLive: true)
        #expect(recent.isExactly(next + 10..<next + 50))
    }

    /// A writer that fills the segments many times over, a checkpoint that follows it, and readers that follow both.
    @Test func followsAWriter() async throws {
        struct Progress: Sendable {
            var visible: Revision = 0
            var checkpoint: Revision = 0
        }
        let directory = try JournalDirectory()
        let (journal, _) = try openJournal(directory)
        let last: Revision = 3000
        let progress = Lock(Progress())
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for revision in 1...last {
                    let next = batch(revision, bytes: Int(revision * 37 % 3000))
                    if !journal.hasRoom(for: next.storage.count) {
                        // As the checkpointer does it: first what LMDB has, then the segments.
                        progress.withLock { $0.checkpoint = revision - 4 }
                        journal.release(through: revision - 4)
                    }
                    try journal.append(next)
                    progress.withLock { $0.visible = revision }
                    if revision % 16 == 0 { await Task.yield() }
                }
            }
            for _ in 0..<2 {
                group.addTask {
                    var reader = try JournalReader(directory: directory.path, storeTag: 7)
                    var next: Revision = 1
                    var lost = 0
                    while next <= last {
                        try Task.checkCancellation()
                        let visible = progress.withLock { $0.visible }
                        if let found = try reader.next(next) {
                            #expect([found].isExactly(next..<next + 1))
                            next += 1
                        } else if next <= visible {
                            // Not in the journal though visible: then the checkpoint has passed it.
                            let batches = try reader.scan(after: next - 1, through: visible, isLive: true).flatMap(
                                \.batches)
                            let checkpoint = progress.withLock { $0.checkpoint }
                            let end = next + Revision(batches.count)
                            #expect(batches.isExactly(next..<end))
                            #expect(end > visible || checkpoint >= end, "revision \(end), visible \(visible)")
                            next = max(end, checkpoint + 1)
                            lost += 1
                        }
                        await Task.yield()
                    }
                    #expect(lost < 1000)
                }
            }
            try await group.waitForAll()
        }
    }
}
