import Changes
import LMDB
import TestSupport
import Testing
import Threads

@testable import RevisionLog

@Suite struct CursorLedgerTests {
    /// Nothing is written by the clock.
    private func options(cursorInterval: Duration = .seconds(3600)) -> LogOptions {
        var options = smallOptions()
        options.checkpointBytes = 32 << 10
        options.checkpointInterval = .seconds(3600)
        options.cursorInterval = cursorInterval
        return options
    }

    private func commits(_ log: RevisionLog) throws -> Int {
        try log.reader.environment.withRead { $0.identifier() }
    }

    private func flush(_ log: RevisionLog, _ session: CursorSession) throws {
        let done = Monitor<Result<Void, StoreError>?>(nil)
        log.cursors.flush(session) { result in done.notify { $0 = result } }
        try done.wait { $0 }!.get()
    }

    private func withSessions(
        _ options: LogOptions, _ body: (RevisionLog, [CursorSession]) throws -> Void
    ) throws {
        try inTemporaryDirectory { path in
            let log = try RevisionLog(path: path, options: options)
            for index in 1...300 { try LogWriterDouble(log: log).put("k", Bytes("\(index)")) }
            let sessions = try (0..<20).map { try log.cursors.open("c\($0)", hold: nil) { 0 }.session }
            for session in sessions { session.create() }
            try flush(log, sessions[0])
            try body(log, sessions)
            try log.close()
        }
    }

    @Test("however often they are acknowledged, all cursors together cost one commit")
    func acknowledgementsAreBatched() throws {
        try withSessions(options()) { log, sessions in
            let before = try commits(log)
            for revision in Revision(1)...300 {
                for session in sessions { session.acknowledge(revision) }
            }
            #expect(try commits(log) == before)
            try flush(log, sessions[3])
            #expect(try commits(log) == before + 1)
            for session in sessions { #expect(try log.reader.cursorEntry(session.name)?.acknowledged == 300) }
            // Nothing new, nothing to write.
            for session in sessions { session.acknowledge(7) }
            try flush(log, sessions[3])
            #expect(try commits(log) == before + 1)
        }
    }

    @Test func aCheckpointTakesThemAlong() throws {
        try withSessions(options()) { log, sessions in
            try log.checkpoint()
            let before = try commits(log)
            try LogWriterDouble(log: log).put("k", "new")
            for session in sessions { session.acknowledge(200) }
            try log.checkpoint()
            #expect(try commits(log) == before + 1)
            for session in sessions { #expect(try log.reader.cursorEntry(session.name)?.acknowledged == 200) }
        }
    }

    @Test(.timeLimit(.minutes(1))) func theIntervalWritesThemWithoutACheckpoint() throws {
        try withSessions(options(cursorInterval: .milliseconds(10))) { log, sessions in
            let checkpoint = log.reader.snapshot.checkpoint
            for round in Revision(1)...5 {
                sessions[0].acknowledge(round)
                while try log.reader.cursorEntry("c0")?.acknowledged != round { try Task.checkCancellation() }
            }
            #expect(log.reader.snapshot.checkpoint == checkpoint)
        }
    }

    @Test func closingWritesThem() throws {
        try inTemporaryDirectory { path in
            var log = try RevisionLog(path: path, options: options())
            try LogWriterDouble(log: log).put("k", "v")
            let session = try log.cursors.open("c", hold: nil) { 0 }.session
            session.acknowledge(1)
            log.cursors.close(session)
            try log.close()
            log = try RevisionLog(path: path, options: options())
            #expect(try log.reader.cursorEntry("c")?.acknowledged == 1)
            try log.close()
        }
    }

    @Test func aWatchThatFollowsAnotherGoesOnWithWhatIsNotWrittenYet() throws {
        try withSessions(options()) { log, sessions in
            sessions[0].acknowledge(50)
            #expect(throws: StoreError.self) { try log.cursors.open("c0", hold: nil) { 0 } }
            log.cursors.close(sessions[0])
            let next = try log.cursors.open("c0", hold: nil) { 0 }
            #expect(!next.isNew && next.session.acknowledged == 50)
            try flush(log, next.session)
            #expect(try log.reader.cursorEntry("c0")?.acknowledged == 50)
        }
    }

    @Test("at the level interval a loss of power takes revisions that a cursor may have acknowledged")
    func aCursorIsNeverAheadOfTheStore() throws {
        try inTemporaryDirectory { path in
            var log = try RevisionLog(path: path, options: options())
            for _ in 1...5 { try LogWriterDouble(log: log).put("k", "v") }
            let session = try log.cursors.open("c", hold: nil) { 0 }.session
            session.acknowledge(9)
            try flush(log, session)
            try log.close()
            log = try RevisionLog(path: path, options: options())
            #expect(try log.reader.cursorEntry("c")?.acknowledged == 5)
            try log.close()
        }
    }

    @Test func aDamagedCursorIsReportedAndHindersNothing() throws {
        try withSessions(options()) { log, sessions in
            let database = log.reader.databases.cursors!
            try log.reader.environment.withWrite { transaction in
                try Array("c1".utf8).withUnsafeBytes { key in
                    try [UInt8](repeating: 7, count: 56).withUnsafeBytes { try transaction.put(database, key, $0) }
                }
            }
            sessions[1].acknowledge(10)
            sessions[2].acknowledge(10)
            try log.checkpoint()
            #expect(sessions[1].failure?.code == .damaged)
            #expect(try log.reader.cursorEntry("c2")?.acknowledged == 10)
            let problems = try log.reader.check(deep: false, progress: nil).problems
            #expect(problems.map(\.part) == ["cursors"] && problems[0].place == "cursor c1")
            try compact(log, through: 100)
        }
    }
}
