import Changes
import LMDB
import TestSupport
import Testing

@testable import RevisionLog

/// Rows that are each intact and together are not what they should be.
@Suite struct CheckLongKeysTests {
    @Test func whatIsWholeHasNoProblems() throws {
        #expect(try problems { _, _ in } == [])
    }

    @Test func aNodeWithoutRows() throws {
        let found = try problems { rows, transaction in try transaction.remove(rows, ofKey: 600) }
        #expect(found == ["node 16: is led to and has no rows"])
    }

    @Test func aNodeThatNothingLeadsTo() throws {
        let found = try problems { rows, transaction in
            let link = Self.key(600).withUnsafeBytes { LongRow.key(1, $0.steps.whole[0]) }
            try link.withUnsafeBytes { _ = try transaction.delete(rows, $0) }
        }
        #expect(found == ["node 16: has rows and is not led to"])
    }

    @Test func aNodeThatTwoLinksLeadTo() throws {
        let found = try problems { rows, transaction in
            let link = Self.key(600, 0x61).withUnsafeBytes { LongRow.key(1, $0.steps.whole[0]) }
            try transaction.put(rows, link, LongRow.link(to: 16, under: link))
        }
        #expect(found.count == 1 && found[0].hasSuffix("leads to node 16, as another does"))
    }

    @Test func anEntryOfAnotherTree() throws {
        let found = try problems { rows, transaction in
            let row = Self.key(600).withUnsafeBytes { LongRow.key(16, $0.steps.rest) }
            let entry = Self.key(600).withUnsafeBytes { LongRow.entry(.base, $0, $0, under: row) }
            try transaction.put(rows, row, entry)
        }
        #expect(found.count == 1 && found[0].contains("node 16 has a row of base"))
    }

    @Test func anEntryUnderAnotherBeginning() throws {
        let found = try problems { rows, transaction in
            let row = Self.key(600).withUnsafeBytes { LongRow.key(16, $0.steps.rest) }
            let other = [UInt8](repeating: 0x61, count: LongRow.stepBytes) + Array(Self.key(600).suffix(97))
            let entry = other.withUnsafeBytes { LongRow.entry(.state, $0, $0, under: row) }
            try transaction.put(rows, row, entry)
        }
        #expect(found.count == 1 && found[0].hasSuffix("is not where links lead for it"))
    }

    @Test func aRowThatIsDamaged() throws {
        let found = try problems { rows, transaction in
            let row = Self.key(1100).withUnsafeBytes { LongRow.key(17, $0.steps.whole[1]) }
            try transaction.put(rows, row, LongRow.link(to: 99, under: row) + [0])
        }
        #expect(found.count >= 1 && found[0].hasSuffix("row checksum does not match"))
    }

    private static func key(_ count: Int, _ byte: UInt8 = 0x6B) -> Bytes {
        Bytes([UInt8](repeating: byte, count: count))
    }

    /// What a check finds after `damage` to the rows of a store with two long keys.
    private func problems(_ damage: (Database, borrowing WriteTransaction) throws -> Void) throws -> [String] {
        try inTemporaryDirectory { path in
            let double = try WriterDouble(path)
            try double.put(Self.key(600), "v")
            try double.put(Self.key(1100, 0x6D), "v")
            try double.checkpoint()
            let (environment, databases) = (double.reader.environment, double.reader.databases)
            try environment.withWrite { try damage(databases.long!, $0) }
            return try double.reader.check(deep: true, progress: nil).problems.map { "\($0.place): \($0.message)" }
        }
    }
}

extension Transaction where Access == WriteAccess {
    /// Removes the entry of the key of so many bytes.
    fileprivate borrowing func remove(_ rows: Database, ofKey count: Int) throws {
        let row = [UInt8](repeating: 0x6B, count: count).withUnsafeBytes { LongRow.key(16, $0.steps.rest) }
        try row.withUnsafeBytes { _ = try delete(rows, $0) }
    }
}
