import ChildProcess
import Foundation
import TestSupport
import Testing

@testable import LMDB

/// A process that is killed in the middle of a read leaves its slot in LMDB's table, and with it a claim on every page
/// that it could see.
@Suite(.timeLimit(.minutes(2))) struct KilledReaderTests {
    private static let rounds = 300

    @Test func itsSlotIsTakenBackAndTheFileStopsGrowing() async throws {
        try await withTemporaryDirectory { path in
            let environment = try Environment(path: path, mapBytes: 1 << 26)
            let database = try environment.openDatabase("test", create: true)
            try Self.rewrite(environment, database, 1)
            let reader = try ChildProcess(built: "CrashWriter", ["hold", path])
            var lines = reader.lines.makeAsyncIterator()
            #expect(await lines.next() == "reading")
            // While it lives nothing that it sees is reused, and its slot is not taken.
            try Self.rewrite(environment, database, Self.rounds)
            let grown = try environment.info()
            #expect(grown.readers.contains { $0.process == reader.processIdentifier && $0.transaction != nil })
            reader.kill()
            #expect(await reader.status() == -SIGKILL)
            // As a restart of the writer does, and every reader that finds no slot.
            environment.close()
            let again = try Environment(path: path, mapBytes: 1 << 26)
            let found = try again.openDatabase("test")
            #expect(!(try again.info().readers.contains { $0.process == reader.processIdentifier }))
            let before = try again.info().usedBytes
            #expect(before > 1 << 20)
            try Self.rewrite(again, found, Self.rounds)
            #expect(try again.info().usedBytes == before)
            #expect(try again.verifyPages() > 0)
        }
    }

    /// Replaces the same value, commit after commit.
    private static func rewrite(_ environment: Environment, _ database: Database, _ times: Int) throws {
        let value = [UInt8](repeating: 7, count: 9000)
        for _ in 0..<times {
            try environment.withWrite { transaction in
                try [1].withUnsafeBytes { key in
                    try value.withUnsafeBytes { try transaction.put(database, key, $0) }
                }
            }
        }
    }
}
