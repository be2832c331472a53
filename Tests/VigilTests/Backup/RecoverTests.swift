import Foundation
import TestSupport
import Testing
import Vigil

/// Stores damaged in every way: what is recovered is what was there, what is lost is named, and the two are everything.
///
/// `VIGIL_FLIPS=5000` flips more bytes, `VIGIL_FLIPS=0` each, `VIGIL_SEED=7` others.
@Suite(.timeLimit(.minutes(10))) struct RecoverTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let flips = environment["VIGIL_FLIPS"].flatMap { Int($0) } ?? 60
    private static let seed = environment["VIGIL_SEED"].flatMap { UInt64($0) } ?? 1

    @Test(arguments: ["data.mdb", "journal-000", "journal-001", "lock"])
    func aFlippedBitLosesAtMostWhatItHit(_ name: String) async throws {
        try await withDamagedStore { store in
            let url = URL(fileURLWithPath: store.path + "/" + name)
            let data = try Data(contentsOf: url)
            let used = (data.lastIndex { $0 != 0 } ?? 0) + 1
            var random = SeededGenerator(Self.seed)
            let count = Self.flips == 0 ? used : name == "data.mdb" ? Self.flips : Self.flips / 4
            for index in 0..<count {
                let byte = Self.flips == 0 ? index : random.below(used)
                var flipped = data
                flipped[byte] ^= 1 << UInt8(random.below(8))
                try flipped.write(to: url)
                let place: Comment = "\(name), byte \(byte), seed \(Self.seed)"
                let report = try #require(try await store.recover(place), place)
                // A block of the log is the most that one bit can cost.
                #expect(report.lost.reduce(0) { $0 + $1.count } <= store.largestBlock, place)
            }
        }
    }

    @Test func pagesAndFilesThatAreGone() async throws {
        try await withDamagedStore { store in
            let names = ["data.mdb", "journal-000", "journal-001", "lock"]
            let files = try names.map { try Data(contentsOf: URL(fileURLWithPath: store.path + "/" + $0)) }
            var random = SeededGenerator(Self.seed)
            var recovered = 0
            for round in 0..<40 {
                var place = "round \(round), seed \(Self.seed):"
                for (name, file) in zip(names, files) {
                    try file.write(to: URL(fileURLWithPath: store.path + "/" + name))
                }
                for _ in 0...random.below(3) {
                    let index = random.chance(3) ? random.below(names.count) : 0
                    let url = URL(fileURLWithPath: store.path + "/" + names[index])
                    var bytes = (try? Data(contentsOf: url)) ?? Data()
                    switch random.below(5) {
                    case 0 where bytes.count > 512:
                        bytes = bytes.prefix(random.below(bytes.count))
                        place += " \(names[index]) cut to \(bytes.count)"
                    case 1 where random.chance(3):
                        try? FileManager.default.removeItem(at: url)
                        place += " no \(names[index])"
                        continue
                    default:
                        let length = random.chance(2) ? 4096 : 512
                        guard bytes.count >= length else { continue }
                        let start = random.below(bytes.count / length) * length
                        for offset in start..<start + length { bytes[offset] = random.chance(2) ? 0 : 0xA5 }
                        place += " \(names[index]) \(length) at \(start)"
                    }
                    try bytes.write(to: url)
                }
                if try await store.recover("\(place)") != nil { recovered += 1 }
            }
            #expect(recovered >= 15, "only \(recovered) of 40 stores, seed \(Self.seed)")
        }
    }

    @Test func anIntactStoreIsRecoveredWhole() async throws {
        try await withDamagedStore { store in
            let report = try #require(try await store.recover("undamaged"))
            #expect(report.isComplete && report.damage.isEmpty, "\(report)")
            #expect(report.kept == store.earliest...store.head)
        }
    }

    /// All keys changed in the block that is lost, and again: the history since is all there, without what they held before.
    @Test func hotKeysKeepTheirHistory() async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/store"
            // Each closing makes a block. What the lost one put begins with a mark of its own.
            for mark in ["one", "TWO", "three"] {
                let store = try await WatchStore.open(path, options: smallOptions())
                for index in 0..<100 { try await store.put(Bytes("k\(index % 40)"), Bytes("\(mark) \(index)")) }
                try await store.close()
            }
            for name in try FileManager.default.contentsOfDirectory(atPath: path) where name.hasPrefix("journal-") {
                try FileManager.default.removeItem(atPath: "\(path)/\(name)")
            }
            let url = URL(fileURLWithPath: path + "/data.mdb")
            var data = try Data(contentsOf: url)
            var found = data.range(of: Data("TWO".utf8))
            while let place = found {
                data[place.lowerBound] ^= 1
                found = data.range(of: Data("TWO".utf8), in: place.upperBound..<data.endIndex)
            }
            try data.write(to: url)

            let new = directory + "/new"
            let report = try await WatchStore.recover(path, to: new)
            #expect(report.kept == 201...300 && report.lost == [101...200] && report.apart == [1...100])
            // The first change of the run needs no version before it: the store begins there.
            #expect(report.unreadableKeyCount == 39 && report.readableFrom == 240 && report.keys == 40)
            #expect(report.doubtfulKeyCount == 0 && report.missingKeys == 0 && !report.isComplete)
            try await Self.verify(new)
            // What is lost stays lost in a copy, and in what is recovered from that.
            let store = try await WatchStore.open(new)
            try await store.backup(to: directory + "/backup")
            try await store.close()
            try await WatchStore.restore(from: directory + "/backup", to: directory + "/copy")
            try await Self.verify(directory + "/copy")
            let again = try await WatchStore.recover(directory + "/copy", to: directory + "/again")
            #expect(again.kept == 201...300 && again.lost.isEmpty && again.doubtfulKeyCount == 0)
            try await Self.verify(directory + "/again")
            let compacted = try await WatchStore.open(new)
            for earliest: Revision in [210, 240] {
                try await compacted.compact(through: earliest)
                #expect(try compacted.check(deep: true).problems == [])
            }
            #expect(try compacted.range(.all, RangeOptions(at: 240)).keyValues.count == 40)
            try await compacted.close()
        }
    }

    private static func verify(_ path: String) async throws {
        let store = try await WatchStore.open(path)
        #expect(try store.check(deep: true).problems == [])
        var revisions: [Revision] = []
        var previous = 0
        let options = WatchOptions(previousValues: true)
        for try await event in try store.watch(.all, from: .revision(201), options: options).events {
            revisions.append(event.revision)
            #expect(event.value == Bytes("three \(event.revision - 201)"))
            if event.previous != nil { previous += 1 }
            if event.revision == 300 { break }
        }
        #expect(revisions == Array(201...300) && previous == 60)
        #expect(try store.get("k5", at: 206)?.value == "three 5")
        #expect(try store.history(of: "k5", limit: 10).map(\.revision) == [286, 246, 206])
        await expect(.damaged) { _ = try store.get("k5", at: 205) }
        await expect(.damaged) { _ = try store.range(.all, RangeOptions(at: 239)) }
        #expect(try store.range(.all, RangeOptions(at: 201, keysOnly: true)).keyValues.count == 40)
        #expect(try store.range(.all, RangeOptions(at: 240)).keyValues.count == 40)
        try await store.close()
    }

    @Test func whatIsInTheWayOrNotThere() async throws {
        try await withTemporaryDirectory { directory in
            await expect(.notAStore) { try await WatchStore.recover(directory, to: directory + "/new") }
            await expect(.notAStore) { try await WatchStore.recover(directory + "/none", to: directory + "/new") }
            let store = try await WatchStore.open(directory + "/store")
            try await store.put("k", "v")
            await expect(.locked) { try await WatchStore.recover(directory + "/store", to: directory + "/new") }
            try await store.close()
            await expect(.invalidArgument) {
                try await WatchStore.recover(directory + "/store", to: directory + "/store")
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["store"])
        }
    }
}

/// A store with all there is, as a crash leaves it, and what was in it.
private struct DamagedStore {
    let directory: String
    var path: String { directory + "/store" }
    let earliest: Revision
    let head: Revision
    let largestBlock: Int
    private var events: [Revision: [String]] = [:]
    private var states: [Revision: [Bytes: KeyValue]] = [:]
    private var cursors: [String: WatchCursor] = [:]

    /// `image` becomes the store.
    init(_ directory: String, image: String) async throws {
        self.directory = directory
        try FileManager.default.moveItem(atPath: image, toPath: directory + "/store")
        let copy = directory + "/copy"
        try FileManager.default.copyItem(atPath: directory + "/store", toPath: copy)
        let store = try await WatchStore.open(copy, options: StoreOptions(access: .readOnly))
        (earliest, head) = (store.earliest, store.head)
        var largest = 1
        for revision in earliest...head {
            let (update, block) = try store.show(revision)
            events[revision] = update.map { Self.text($0) }
            largest = max(largest, block.recordCount)
            states[revision] = Self.dictionary(try store.range(.all, RangeOptions(at: revision)).keyValues)
        }
        largestBlock = largest
        for cursor in try store.cursors() { cursors[cursor.name] = cursor }
        try #require(cursors.count == 24)
        try await store.close()
        try FileManager.default.removeItem(atPath: copy)
    }

    private static func text(_ event: WatchEvent) -> String {
        "\(event.revision) \(event.type) \(event.key) \(event.value) \(event.createRevision) \(event.version)"
    }

    private static func dictionary(_ keyValues: [KeyValue]) -> [Bytes: KeyValue] {
        Dictionary(uniqueKeysWithValues: keyValues.map { ($0.key, $0) })
    }

    /// Recovers, and verifies that nothing is wrong or unaccounted for; nil if no store could be made.
    func recover(_ place: Comment) async throws -> RecoveryReport? {
        let new = directory + "/new"
        defer { try? FileManager.default.removeItem(atPath: new) }
        let apart = Collected()
        let report: RecoveryReport
        do {
            report = try await WatchStore.recover(path, to: new, apart: { apart.add($0) })
        } catch let error as StoreError where error.code == .damaged || error.code == .notAStore {
            for update in apart.updates where events[update.revision] != nil {
                #expect(update.map { Self.text($0) } == events[update.revision], place)
            }
            return nil
        }
        var accounted: [Revision] = Array(report.kept) + report.lost.joined() + report.apart.joined()
        accounted.sort()
        // Without a meta entry nobody knows what had been compacted, nor, without all that says it, what came last.
        let known = accounted.filter { earliest <= $0 && $0 <= head }
        #expect(
            known == Array(earliest...(accounted.last ?? 0)) || known == Array(report.kept.lowerBound...head), place)
        #expect(apart.updates.map(\.revision) == Array(report.apart.joined()), place)
        for update in apart.updates where events[update.revision] != nil {
            #expect(update.map { Self.text($0) } == events[update.revision], place)
        }
        try await verify(new, report, place)
        return report
    }

    private func verify(_ path: String, _ report: RecoveryReport, _ place: Comment) async throws {
        let store = try await WatchStore.open(path, options: StoreOptions(access: .readOnly))
        #expect(store.earliest == report.kept.lowerBound && store.head == report.kept.upperBound, place)
        for revision in report.kept where revision >= earliest {
            let found = try store.log(from: revision, through: revision).updates.joined().map { Self.text($0) }
            let expected = events[revision] ?? []
            #expect(revision == report.rebuilt ? found.sorted() == expected.sorted() : found == expected, place)
            let expectedState = states[revision] ?? [:]
            let held =
                revision >= report.readableFrom
                ? Self.dictionary(try store.range(.all, RangeOptions(at: revision)).keyValues)
                : try readable(store, revision, report, place)
            for (key, keyValue) in held { #expect(keyValue == expectedState[key], "\(place): \(key) at \(revision)") }
            let missing = expectedState.keys.filter { held[$0] == nil }
            let unnamed = missing.filter { !report.doubtfulKeys.contains($0) && !report.unreadableKeys.contains($0) }
            // Keys of which nothing is left are known by their number only.
            #expect(unnamed.count <= report.missingKeys, "\(place): \(unnamed)")
            #expect(missing.isEmpty || !report.isComplete, place)
        }
        try verifyCursors(store, report, place)
        #expect(try store.check(deep: true).problems == [], place)
        try await store.close()
    }

    /// What can be read at `revision`: of keys whose value is lost the rest is there, and reading it is an error.
    private func readable(
        _ store: WatchStore, _ revision: Revision, _ report: RecoveryReport, _ place: Comment
    ) throws -> [Bytes: KeyValue] {
        var held: [Bytes: KeyValue] = [:]
        let keys = try store.range(.all, RangeOptions(at: revision, keysOnly: true)).keyValues.map(\.key)
        for key in keys {
            do {
                held[key] = try store.get(key, at: revision)
            } catch let error as StoreError where error.code == .damaged {
                #expect(report.unreadableKeys.contains(key), "\(place): \(key) at \(revision), \(error)")
                #expect(states[revision]?[key] != nil || revision < earliest, "\(place): \(key) at \(revision)")
            }
        }
        return held
    }

    /// Each stands where it stood, or before it and is named, or is named as lost.
    private func verifyCursors(_ store: WatchStore, _ report: RecoveryReport, _ place: Comment) throws {
        let fates = Dictionary(uniqueKeysWithValues: report.changedCursors.map { ($0.name, $0.fate) })
        let found = try store.cursors()
        #expect(found.count == report.cursors, place)
        for (name, cursor) in cursors where !found.contains(where: { $0.name == name }) {
            #expect(report.mayLackCursors, "\(place): \(cursor) is missing")
            #expect(!report.isComplete, place)
        }
        for cursor in found {
            guard let original = cursors[cursor.name] else {
                // Removed by a commit that is lost; where it stood there may be no history any more.
                let fate = fates[cursor.name]
                #expect(cursor.name == "removed" && (fate == .older || fate == .behind), "\(place): \(cursor)")
                continue
            }
            #expect(cursor.hold == original.hold && cursor.isFailed == original.isFailed, place)
            if cursor.acknowledged != original.acknowledged {
                let isNamed = fates[cursor.name] == .older || fates[cursor.name] == .takenBack
                #expect(cursor.acknowledged < original.acknowledged && isNamed, "\(place): \(cursor)")
            }
            if cursor.isCompacted, !original.isCompacted {
                #expect(fates[cursor.name] != nil, "\(place): \(cursor)")
            }
        }
    }
}

/// Gathers updates that one thread passes while another waits for its end.
private final class Collected: @unchecked Sendable {
    private(set) var updates: [WatchUpdate] = []

    func add(_ update: WatchUpdate) { updates.append(update) }
}

/// Makes a store with blocks of several sizes, compacted, checkpointed and with a journal that is ahead, and takes the files
/// as a crash would leave them.
private func withDamagedStore(_ body: (DamagedStore) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
        let path = directory + "/original"
        var options = smallOptions()
        options.log.checkpointInterval = .seconds(3600)
        options.log.checkpointBytes = 64 << 10
        var store = try await WatchStore.open(path, options: options)
        var input = RandomInput(seed: 5)
        func write(_ count: Int) async throws {
            for _ in 0..<count {
                let key = input.key()
                if input.random.chance(5) {
                    try await store.delete(key)
                } else if input.random.chance(4) {
                    try await store.transaction(
                        Transaction(then: [
                            .put(key, input.value()), .put("both/\(input.random.below(5))", input.value()),
                        ]))
                } else {
                    try await store.put(key, input.value(upTo: 6000))
                }
            }
        }
        // Keys that only `state` has when their block is compacted, on pages enough to be hit.
        let filling = String(repeating: "quiet ", count: 20)
        for part in 0..<10 {
            let puts = (0..<40).map { Transaction.Operation.put(Bytes("rest/\(part)/\($0)"), Bytes(filling)) }
            try await store.transaction(Transaction(then: puts))
        }
        try await store.compact(through: store.head)
        try await write(60)
        try await store.compact(through: store.head - 20)
        // Each makes a checkpoint, and so a block.
        for _ in 0..<4 {
            try await write(25)
            try await store.compact(through: store.earliest + 1)
        }
        // Without what the journal still has of all that, the blocks are the only ones to have it.
        try await store.close()
        for number in 0..<3 { try? FileManager.default.removeItem(atPath: "\(path)/journal-00\(number)") }
        store = try await WatchStore.open(path, options: options)
        // Enough for a tree of several pages.
        let long = String(repeating: "x", count: 240)
        for index in 0..<23 {
            let place = store.earliest + Revision(index) % (store.head - store.earliest)
            try await store.setCursor("cursor/\(index)/\(long)", to: .acknowledged(place))
        }
        try await write(15)
        try await store.setCursor("removed", to: .earliest)
        try await store.setCursor("newest", to: .now)
        try await store.setCursor("newest", hold: CursorHold(revisions: 1000, then: .fail))
        try await store.removeCursor("removed")
        try FileManager.default.copyItem(atPath: path, toPath: directory + "/image")
        try await store.close()
        try FileManager.default.removeItem(atPath: path)
        // Two segments, so that both kinds are there.
        let second = directory + "/image/journal-001"
        if !FileManager.default.fileExists(atPath: second) {
            try Data(count: 64 << 10).write(to: URL(fileURLWithPath: second))
        }
        try await body(DamagedStore(directory, image: directory + "/image"))
    }
}
