import Foundation
import TestSupport
import Testing
import Vigil

/// The committed stores of each format version stay readable for ever.
///
/// `format-1` was left by a writer that was killed: compacted through 200, checkpointed through 717, and with 65
/// revisions in the journal. `export.jsonl` beside it is what its newest revision holds.
@Suite struct FormatFixtureTests {
    private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("RevisionLogTests/Fixtures")

    @Test func format1() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/format-1"
            try FileManager.default.copyItem(
                atPath: Self.fixtures.appendingPathComponent("format-1").path, toPath: path)
            let expected = try String(contentsOfFile: path + "/export.jsonl", encoding: .utf8)
                .split(separator: "\n").map { try #require(Self.pair(String($0))) }
            let reader = try await WatchStore.open(path, options: StoreOptions(access: .readOnly))
            #expect(try reader.statistics().formatVersion == 1)
            #expect(try reader.check(deep: true).problems == [])
            // Where there is no place for cursors, it says what makes one.
            #expect(try reader.cursors().isEmpty && reader.cursor("c") == nil)
            for use: () async throws -> Void in [
                { try await reader.setCursor("c", to: .now) }, { try await reader.removeCursor("c") },
                { _ = try reader.watch(.all, from: .cursor("c")) },
            ] {
                do {
                    try await use()
                    Issue.record("a cursor in a store of format 1")
                } catch let error as StoreError {
                    #expect(error.code == .readOnly && error.message.contains("open it for writing once"), "\(error)")
                }
            }
            try await reader.close()
            // Opened for writing it becomes one of the newest format, in place.
            let store = try await WatchStore.open(path)
            #expect(store.head == 782 && store.earliest == 200)
            let statistics = try store.statistics()
            #expect(statistics.formatVersion == 5 && statistics.keys == 43)
            #expect(try store.check(deep: true).problems == [])
            let found = try store.range(.all).keyValues
            #expect(found.map { [$0.key, $0.value] } == expected)
            #expect(try store.range(.all, RangeOptions(at: 300, counts: true)).count == 43)
            var revisions: Set<Revision> = []
            var events = 0
            for try await event in try store.watch(.all, from: .earliest).events {
                revisions.insert(event.revision)
                events += 1
                if events == 701 { break }
            }
            #expect(revisions == Set(200...782))
            #expect(try await store.put("new", "1") == 783)
            try await store.close()
        }
    }

    private static func pair(_ line: String) -> [Bytes]? {
        guard let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String],
            let key = object["key"], let value = object["value"]
        else { return nil }
        return [Bytes(key), Bytes(value)]
    }
}
