import Foundation
import TestSupport
import Testing
import Vigil

/// Backups taken of a store that is written, compacted and watched meanwhile, restored and compared with ``ModelStore``.
///
/// `VIGIL_SEEDS=1000` runs more seeds, `VIGIL_SEED=7` one.
@Suite(.timeLimit(.minutes(10))) struct BackupTests {
    private static var seeds: [UInt64] { Array(ModelTests.seeds.prefix(max(8, ModelTests.seeds.count / 3))) }

    @Test(arguments: BackupTests.seeds)
    func whatIsRestoredIsTheStoreAtOneRevision(_ seed: UInt64) async throws {
        try await withTemporaryDirectory { directory in
            var input = RandomInput(seed: seed)
            let store = try await WatchStore.open(directory + "/store", options: smallOptions())
            var model = ModelStore()
            var backups: [BackupReport] = []
            for round in 0..<4 {
                let acknowledged = store.head
                async let backup = store.backup(
                    to: "\(directory)/\(round).backup", options: Self.options(compresses: round % 2 == 0))
                for _ in 0..<60 { try await Self.step(store, &model, &input) }
                let report = try await backup
                #expect(report.head >= acknowledged, "seed \(seed)")
                backups.append(report)
            }
            try await store.close()
            for report in backups {
                try await Self.compare(report, model, directory, "seed \(seed), \(report.path)")
            }
        }
    }

    private static func options(compresses: Bool) -> BackupOptions {
        var options = BackupOptions()
        options.compresses = compresses
        return options
    }

    private static func step(_ store: WatchStore, _ model: inout ModelStore, _ input: inout RandomInput) async throws {
        if input.random.chance(25), model.head > model.earliest {
            let revision = Revision.random(in: model.earliest + 1...model.head, using: &input.random)
            try await store.compact(through: revision)
            model.compact(revision)
        }
        let transaction = input.transaction(model)
        let expected = ModelTransaction(transaction, on: model)
        if expected.refusal != nil { return }
        model.apply(expected.changes)
        try await store.transaction(transaction)
    }

    private static func compare(
        _ report: BackupReport, _ model: ModelStore, _ directory: String, _ place: Comment
    ) async throws {
        let path = report.path + "-restored"
        #expect(try await WatchStore.verify(backup: report.path).head == report.head, place)
        let restored = try await WatchStore.restore(from: report.path, to: path)
        #expect(restored.head == report.head && restored.earliest == report.earliest, place)
        #expect(restored.keys == model.state(at: report.head).count, place)
        let store = try await WatchStore.open(path, options: smallOptions())
        #expect(store.head == report.head && store.earliest == report.earliest, place)
        let statistics = try store.statistics()
        #expect(statistics.keys == restored.keys && statistics.storeID != report.storeID, place)
        let earliest = store.earliest
        for revision in earliest...max(earliest, store.head) where revision <= store.head {
            #expect(
                try store.range(.all, RangeOptions(at: revision)).keyValues == model.range(.all, at: revision), place)
        }
        let events = model.events.dropFirst(Int(earliest)).prefix(Int(store.head - earliest + 1)).flatMap { $0 }
        #expect(
            try store.log(from: earliest, limit: .max).updates.flatMap { $0.map(Plain.init) } == events.map(Plain.init),
            place)
        // A watch that began in the original goes on in the copy, and sees what is written there.
        let start = earliest + (store.head - earliest) / 2
        var watch = try store.watch(.all, from: .revision(start)).makeAsyncIterator()
        let next = try await store.put("after the backup", "1")
        #expect(next == report.head + 1, place)
        var seen: [Revision] = []
        while seen.last != next, let element = try await watch.next() {
            if case .update(let update) = element { seen.append(update.revision) }
        }
        #expect(seen == Array(start...next), place)
        #expect(try store.check(deep: true).problems == [], place)
        try await store.close()
    }

    /// What an event says; without the revision before, which is gone where that was a delete that is compacted.
    private struct Plain: Equatable {
        var revision, create, version: Int64
        var type: WatchEventType
        var key, value: Bytes

        init(_ event: WatchEvent) {
            (revision, create, version) = (event.revision, event.createRevision, event.version)
            (type, key, value) = (event.type, event.key, event.value)
        }
    }

    @Test func aCursorGoesOnInTheCopy() async throws {
        try await withTemporaryDirectory { directory in
            let store = try await WatchStore.open(directory + "/store", options: smallOptions())
            for index in 1...50 { try await store.put(Bytes("k\(index % 7)"), Bytes("\(index)")) }
            try await store.setCursor("behind", to: .earliest)
            try await store.setCursor("failed", to: .earliest)
            try await store.setCursor("failed", hold: CursorHold(revisions: 1, then: .fail))
            try await store.compact(through: 10)
            let watch = try store.watch(.all, from: .cursor("indexer"))
            var iterator = watch.makeAsyncIterator()
            for _ in 10...30 { _ = try await iterator.next() }
            try watch.acknowledge()
            try await watch.flushAcknowledged()
            try await store.setCursor("indexer", hold: CursorHold(revisions: 100, bytes: 1 << 20))
            try await store.backup(to: directory + "/backup")
            let before = try store.cursors()
            #expect(before.map(\.acknowledged) == [0, 0, 30] && before.map(\.isFailed) == [false, true, false])
            watch.cancel()
            try await store.close()
            try await WatchStore.restore(from: directory + "/backup", to: directory + "/copy")
            let copy = try await WatchStore.open(directory + "/copy")
            let after = try copy.cursors()
            #expect(after.map(\.name) == ["behind", "failed", "indexer"])
            #expect(after.map(\.acknowledged) == before.map(\.acknowledged))
            #expect(after.map(\.hold) == before.map(\.hold) && after.map(\.isFailed) == before.map(\.isFailed))
            for try await event in try copy.watch(.all, from: .cursor("indexer")).events {
                #expect(event.revision == 31)
                break
            }
            await expect(.held) { try await copy.compact(through: 40) }
            #expect(try copy.check(deep: true).problems == [])
            try await copy.close()
        }
    }

    @Test func aReaderBesideTheWriterBacksUpWhatWasAcknowledged() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/store"
            // The writer is a process of its own, since one process opens a store once.
            let writer = try await WatchStore.open(path, options: smallOptions())
            for index in 1...50 { try await writer.put(Bytes("k\(index % 7)"), Bytes("\(index)")) }
            try await writer.close()
            let reader = try await WatchStore.open(path, options: StoreOptions(access: .readOnly))
            #expect(try await reader.backup(to: directory + "/backup").head == 50)
            try await reader.close()
        }
    }

    @Test func anEmptyStoreAndADirectoryAsTarget() async throws {
        try await withTemporaryDirectory { directory in
            let store = try await WatchStore.open(directory + "/store")
            let report = try await store.backup(to: directory)
            #expect(report.head == 0 && report.path.hasSuffix("-0.backup"))
            try await store.close()
            try await WatchStore.restore(from: report.path, to: directory + "/copy")
            let copy = try await WatchStore.open(directory + "/copy")
            #expect(try await copy.put("k", "v") == 1)
            #expect(try copy.check(deep: true).isClean)
            try await copy.close()
        }
    }

    @Test func nothingIsOverwritten() async throws {
        try await withTemporaryDirectory { directory in
            let store = try await WatchStore.open(directory + "/store")
            try await store.put("k", "v")
            let file = directory + "/backup"
            try await store.backup(to: file)
            let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
            await expect(.invalidArgument) { try await store.backup(to: file) }
            #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == bytes)
            try await store.close()
            await expect(.invalidArgument) { try await WatchStore.restore(from: file, to: directory + "/store") }
            await expect(.invalidArgument) { try await WatchStore.restore(from: file, to: file) }
            // An empty directory is no loss.
            try FileManager.default.createDirectory(atPath: directory + "/empty", withIntermediateDirectories: false)
            try await WatchStore.restore(from: file, to: directory + "/empty/")
            // What lies where it is built is left alone unless it is of an attempt that died.
            try FileManager.default.createDirectory(
                atPath: directory + "/new.partial", withIntermediateDirectories: false)
            try Data("mine".utf8).write(to: URL(fileURLWithPath: directory + "/new.partial/note"))
            await expect(.invalidArgument) { try await WatchStore.restore(from: file, to: directory + "/new") }
            #expect(FileManager.default.fileExists(atPath: directory + "/new.partial/note"))
        }
    }

    @Test func whatIsNotABackup() async throws {
        try await withTemporaryDirectory { directory in
            await expect(.io) { try await WatchStore.restore(from: directory + "/none", to: directory + "/new") }
            await expect(.notAStore) { try await WatchStore.restore(from: directory, to: directory + "/new") }
            for text in ["", "text", String(repeating: "x", count: 1000)] {
                try Data(text.utf8).write(to: URL(fileURLWithPath: directory + "/file"))
                await expect(.notAStore) {
                    try await WatchStore.restore(from: directory + "/file", to: directory + "/new")
                }
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["file"])
        }
    }

    /// Every byte of a small backup changed, every length that it may be cut to, and something behind it.
    @Test func aDamagedBackupIsRefused() async throws {
        try await withTemporaryDirectory { directory in
            let store = try await WatchStore.open(directory + "/store")
            for index in 1...8 { try await store.put(Bytes("k\(index % 3)"), Bytes("value \(index)")) }
            try await store.delete("k1")
            try await store.compact(through: 5)
            try await store.put("k2", "last")
            let file = directory + "/backup"
            try await store.backup(to: file)
            try await store.close()
            let url = URL(fileURLWithPath: file)
            let good = try Data(contentsOf: url)
            func refuses(_ bytes: Data, restores: Bool = false, _ place: Comment) async throws {
                try bytes.write(to: url)
                do {
                    try await WatchStore.verify(backup: file)
                    Issue.record("it was believed: \(place)")
                } catch let error as StoreError {
                    #expect([.damaged, .notAStore, .unsupportedFormat].contains(error.code), place)
                    guard restores else { return }
                    await expect(error.code) { try await WatchStore.restore(from: file, to: directory + "/new") }
                }
                let names = try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
                #expect(names == ["backup", "store"], place)
            }
            for offset in good.indices {
                var bytes = good
                bytes[offset] ^= UInt8(1 << (offset % 8))
                try await refuses(bytes, restores: offset % 10 == 0, "byte \(offset)")
                try await refuses(good.prefix(offset), restores: offset % 100 == 0, "cut to \(offset)")
            }
            try await refuses(good + [0], "a byte more")
            try await refuses(good + good.dropFirst(64), "its chunks twice")
            try good.write(to: url)
            try await WatchStore.restore(from: file, to: directory + "/new")
        }
    }
}
